package io.wsidecar.core;

import java.io.Serializable;
import java.security.Principal;

/** A user of whom the name is known. */
public final class Named implements Principal, Serializable {
    private static final long serialVersionUID = 1;
    private final String name;

    public Named(String name) {
        this.name = name;
    }

    @Override
    public String getName() {
        return name;
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof Named && ((Named) other).name.equals(name);
    }

    @Override
    public int hashCode() {
        return name.hashCode();
    }

    @Override
    public String toString() {
        return name;
    }
}

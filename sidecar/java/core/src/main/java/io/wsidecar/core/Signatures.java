package io.wsidecar.core;

import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.List;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;

/** Signatures as the Standard Webhooks specification has them, and the same key for what the library itself hands out. */
public final class Signatures {
    private static final long TOLERANCE_SECONDS = 300;
    private final List<SecretKeySpec> keys = new ArrayList<>();
    private final ThreadLocal<Mac> macs = ThreadLocal.withInitial(Signatures::newMac);

    /** Secrets as in wsidecar's configuration: whsec_ and base64, or any other text. */
    public Signatures(List<String> secrets) {
        for (String secret : secrets) {
            byte[] key = secret.startsWith("whsec_") ? Base64.getDecoder().decode(secret.substring(6)) : secret.getBytes(StandardCharsets.UTF_8);
            keys.add(new SecretKeySpec(key, "HmacSHA256"));
        }
    }

    /** Whether wsidecar sent this: the signature is of one of the secrets, not older than five minutes, and of this very event. */
    public boolean signed(String webhookId, String timestamp, String signatures, String eventId, byte[] body, long nowSeconds) {
        // The signature covers webhook-id and not ce-id: a signed body must not pass as another event.
        if (webhookId == null || timestamp == null || signatures == null || !webhookId.equals(eventId)
                || !timestamp.matches("[0-9]{1,12}") || Math.abs(nowSeconds - Long.parseLong(timestamp)) > TOLERANCE_SECONDS) {
            return false;
        }
        byte[] front = (webhookId + "." + timestamp + ".").getBytes(StandardCharsets.UTF_8);
        for (SecretKeySpec key : keys) {
            byte[] ours = Base64.getEncoder().encode(mac(key, front, body));
            for (String given : signatures.split(" ")) {
                if (given.startsWith("v1,") && MessageDigest.isEqual(ours, given.substring(3).getBytes(StandardCharsets.US_ASCII))) {
                    return true;
                }
            }
        }
        return false;
    }

    /** A code over what the library hands out and gets back. {@code purpose} keeps one kind from passing as another. */
    byte[] code(String purpose, byte[] content) {
        return mac(keys.get(0), ("wsidecar-java." + purpose + ".").getBytes(StandardCharsets.UTF_8), content);
    }

    boolean isCode(String purpose, byte[] code, byte[] content) {
        byte[] front = ("wsidecar-java." + purpose + ".").getBytes(StandardCharsets.UTF_8);
        for (SecretKeySpec key : keys) {
            if (MessageDigest.isEqual(Arrays.copyOf(mac(key, front, content), code.length), code)) {
                return true;
            }
        }
        return false;
    }

    private byte[] mac(SecretKeySpec key, byte[] front, byte[] content) {
        try {
            Mac mac = macs.get();
            mac.init(key);
            mac.update(front);
            return mac.doFinal(content);
        } catch (GeneralSecurityException e) {
            throw new IllegalStateException(e);  // every JVM has HmacSHA256
        }
    }

    private static Mac newMac() {
        try {
            return Mac.getInstance("HmacSHA256");
        } catch (GeneralSecurityException e) {
            throw new IllegalStateException(e);
        }
    }
}

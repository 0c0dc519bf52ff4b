package io.wsidecar.boot;

import io.wsidecar.servlet.Application;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import org.springframework.boot.actuate.endpoint.annotation.Endpoint;
import org.springframework.boot.actuate.endpoint.annotation.ReadOperation;

/** /actuator/wsidecar: the wsidecar.yaml that this application needs, what of it cannot be kept, and how many sessions it holds. */
@Endpoint(id = "wsidecar")
public class SidecarEndpoint {
    private final Application application;

    SidecarEndpoint(Application application) {
        this.application = application;
    }

    @ReadOperation
    public Map<String, Object> show() {
        Map<String, Object> all = new LinkedHashMap<>();
        all.put("yaml", application.routes.yaml(application.sidecar.settings.timeout()));
        all.put("remarks", application.routes.remarks());
        all.put("sessionsHeld", application.sidecar.sessions.size());
        all.put("sessionsBound", application.sidecar.sessions.pinned());
        all.put("handlersKnow", application.sharing());
        all.put("sessionsElsewhere", application.events.replicas() == null ? 0 : application.events.replicas().size());
        all.put("scheduled", application.sidecar.settings.scheduled().name().toLowerCase(Locale.ROOT));
        all.put("scheduledLeftToAnotherReplica", application.sidecar.leader.left());
        all.put("instances", application.sidecar.instances());
        return all;
    }
}

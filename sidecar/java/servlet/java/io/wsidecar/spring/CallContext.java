package io.wsidecar.spring;

import io.wsidecar.core.Answer;
import io.wsidecar.servlet.Application;
import java.util.function.Supplier;
import javax.servlet.http.HttpServletRequest;
import javax.servlet.http.HttpSession;
import org.springframework.security.core.context.SecurityContext;
import org.springframework.security.core.context.SecurityContextHolder;
import org.springframework.util.ClassUtils;
import org.springframework.web.context.request.RequestAttributes;
import org.springframework.web.context.request.RequestContextHolder;
import org.springframework.web.context.request.ServletRequestAttributes;

/** Handlers find the event's request, and the login of the HTTP session, where they would in a controller. */
final class CallContext implements Application.Around {
    private static final boolean SECURITY =
        ClassUtils.isPresent("org.springframework.security.core.context.SecurityContextHolder", CallContext.class.getClassLoader());

    @Override
    public Answer call(HttpServletRequest request, Supplier<Answer> work) {
        RequestAttributes before = RequestContextHolder.getRequestAttributes();
        ServletRequestAttributes attributes = new ServletRequestAttributes(request);
        RequestContextHolder.setRequestAttributes(attributes);
        try {
            return SECURITY ? Security.call(request, work) : work.get();
        } finally {
            if (before == null) {
                RequestContextHolder.resetRequestAttributes();
            } else {
                RequestContextHolder.setRequestAttributes(before);
            }
            attributes.requestCompleted();
        }
    }

    private static final class Security {
        static Answer call(HttpServletRequest request, Supplier<Answer> work) {
            HttpSession session = request.getSession(false);
            Object context = session == null ? null : session.getAttribute("SPRING_SECURITY_CONTEXT");
            SecurityContext before = SecurityContextHolder.getContext();
            if (context instanceof SecurityContext) {
                SecurityContextHolder.setContext((SecurityContext) context);
            }
            try {
                return work.get();
            } finally {
                SecurityContextHolder.clearContext();
                if (before.getAuthentication() != null) {
                    SecurityContextHolder.setContext(before);
                }
            }
        }
    }
}

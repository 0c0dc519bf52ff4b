package com.example.added;

import java.nio.charset.StandardCharsets;
import java.util.Map;
import javax.servlet.http.HttpServletRequest;
import org.springframework.core.MethodParameter;
import org.springframework.http.MediaType;
import org.springframework.http.converter.HttpMessageConverter;
import org.springframework.http.server.ServerHttpRequest;
import org.springframework.http.server.ServerHttpResponse;
import org.springframework.http.server.ServletServerHttpRequest;
import org.springframework.messaging.handler.annotation.SendTo;
import org.springframework.messaging.simp.annotation.SendToUser;
import org.springframework.util.PropertyPlaceholderHelper;
import org.springframework.web.bind.annotation.RestControllerAdvice;
import org.springframework.web.servlet.HandlerMapping;
import org.springframework.web.servlet.mvc.method.annotation.ResponseBodyAdvice;
import org.springframework.web.util.UriUtils;

/** To copy: answers go where @SendTo and @SendToUser say, so that these stay on the methods. Of several destinations the first. */
@RestControllerAdvice
public class SendToAdvice implements ResponseBodyAdvice<Object> {
    private final PropertyPlaceholderHelper placeholders = new PropertyPlaceholderHelper("{", "}");

    @Override
    public boolean supports(MethodParameter method, Class<? extends HttpMessageConverter<?>> converter) {
        return method.hasMethodAnnotation(SendTo.class) || method.hasMethodAnnotation(SendToUser.class);
    }

    @Override
    @SuppressWarnings("unchecked")
    public Object beforeBodyWrite(Object body, MethodParameter method, MediaType type, Class<? extends HttpMessageConverter<?>> converter,
            ServerHttpRequest request, ServerHttpResponse response) {
        HttpServletRequest event = ((ServletServerHttpRequest) request).getServletRequest();
        Map<String, String> variables = (Map<String, String>) event.getAttribute(HandlerMapping.URI_TEMPLATE_VARIABLES_ATTRIBUTE);
        SendToUser user = method.getMethodAnnotation(SendToUser.class);
        String destination = user == null ? method.getMethodAnnotation(SendTo.class).value()[0] : "/user" + all(user, event) + user.value()[0];
        destination = placeholders.replacePlaceholders(destination, variables::get);
        response.getHeaders().set("Ws-Destination", UriUtils.encodePath(destination, StandardCharsets.UTF_8));
        return body;
    }

    /** Every window of the user is /user/NAME; /user alone is the one that sent. */
    private static String all(SendToUser to, HttpServletRequest event) {
        return to.broadcast() ? "/" + UriUtils.encode(event.getRemoteUser(), StandardCharsets.UTF_8) : "";
    }
}

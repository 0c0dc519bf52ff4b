package io.wsidecar.websocket;

import io.wsidecar.core.Connection;
import io.wsidecar.servlet.Opening;
import java.io.IOException;
import java.net.URI;
import java.security.Principal;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import javax.servlet.FilterChain;
import javax.servlet.ServletException;
import javax.servlet.http.HttpFilter;
import javax.servlet.http.HttpServletRequest;
import javax.servlet.http.HttpServletResponse;
import javax.websocket.HandshakeResponse;
import javax.websocket.server.HandshakeRequest;
import javax.websocket.server.ServerEndpointConfig;

/** Behind the application's own filters: connect events of paths where an endpoint class is. */
public final class EndpointFilter extends HttpFilter {
    private static final long serialVersionUID = 1;

    @Override
    protected void doFilter(HttpServletRequest request, HttpServletResponse response, FilterChain chain) throws IOException, ServletException {
        Opening opening = Opening.of(request);
        Endpoints endpoints = Endpoints.in(getServletContext());
        EndpointTarget target = opening == null || endpoints == null ? null : endpoints.find(request.getRequestURI());
        if (target == null) {
            chain.doFilter(request, response);
            return;
        }
        open(opening, target, request, response);
    }

    private static void open(Opening opening, EndpointTarget target, HttpServletRequest request, HttpServletResponse response)
            throws IOException, ServletException {
        ServerEndpointConfig config = target.perConnection();
        ServerEndpointConfig.Configurator configurator = config.getConfigurator();
        if (!configurator.checkOrigin(request.getHeader("Origin"))) {
            response.setStatus(HttpServletResponse.SC_FORBIDDEN);
            return;
        }
        String offered = request.getHeader("Sec-WebSocket-Protocol");
        List<String> requested = offered == null ? Collections.emptyList() : Arrays.asList(offered.trim().split("\\s*,\\s*"));
        String chosen = configurator.getNegotiatedSubprotocol(config.getSubprotocols(), requested);
        Map<String, List<String>> answered = new TreeMap<>(String.CASE_INSENSITIVE_ORDER);
        HandshakeResponse handshakeResponse = () -> answered;
        configurator.modifyHandshake(config, new Request(request, target), handshakeResponse);
        answered.forEach((name, values) -> values.forEach(value -> response.addHeader(name, value)));
        Connection c = opening.connection(request);
        c.principal = request.getUserPrincipal();
        config.getUserProperties().forEach((name, value) -> {
            if (value != null) {
                c.attributes.put(name, value);
            }
        });
        if (chosen != null && !chosen.isEmpty()) {
            c.subprotocol = chosen;
            opening.answer.header("Ws-Subprotocol", chosen);
        }
        try {
            opening.accept(c, target, request);
        } catch (IOException | RuntimeException e) {
            throw e;
        } catch (Exception e) {
            throw new ServletException(target.name() + " failed", e);
        }
    }

    /** The handshake as Configurators see it. */
    private static final class Request implements HandshakeRequest {
        private final HttpServletRequest request;
        private final EndpointTarget target;

        Request(HttpServletRequest request, EndpointTarget target) {
            this.request = request;
            this.target = target;
        }

        @Override
        public Map<String, List<String>> getHeaders() {
            Map<String, List<String>> all = new TreeMap<>(String.CASE_INSENSITIVE_ORDER);
            for (String name : Collections.list(request.getHeaderNames())) {
                all.put(name, Collections.list(request.getHeaders(name)));
            }
            return all;
        }

        @Override
        public Principal getUserPrincipal() {
            return request.getUserPrincipal();
        }

        @Override
        public URI getRequestURI() {
            String query = request.getQueryString();
            String url = request.getRequestURL().toString().replaceFirst("^http", "ws");
            return URI.create(query == null ? url : url + "?" + query);
        }

        @Override
        public boolean isUserInRole(String role) {
            return request.isUserInRole(role);
        }

        @Override
        public Object getHttpSession() {
            return request.getSession(false);
        }

        @Override
        public Map<String, List<String>> getParameterMap() {
            Map<String, List<String>> all = Queries.parse(request.getQueryString());
            target.variables(request.getRequestURI()).forEach((name, value) -> all.put(name, Collections.singletonList(value)));
            return all;
        }

        @Override
        public String getQueryString() {
            return request.getQueryString();
        }
    }
}

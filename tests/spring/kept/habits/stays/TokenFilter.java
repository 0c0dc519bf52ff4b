package com.example.habits;

import java.io.IOException;
import javax.servlet.Filter;
import javax.servlet.FilterChain;
import javax.servlet.ServletException;
import javax.servlet.ServletRequest;
import javax.servlet.ServletResponse;
import javax.servlet.http.HttpServletRequest;
import javax.servlet.http.HttpServletResponse;
import org.springframework.stereotype.Component;

/** Browsers can send no header with a handshake but the subprotocols: a token is sent as one, and has to be answered. */
@Component
public class TokenFilter implements Filter {
    static final String TOKEN = "Sec-WebSocket-Protocol";

    @Override
    public void doFilter(ServletRequest request, ServletResponse response, FilterChain chain) throws IOException, ServletException {
        HttpServletRequest http = (HttpServletRequest) request;
        if (http.getRequestURI().startsWith("/by-filter")) {
            String token = http.getHeader(TOKEN);
            if (token == null || !token.startsWith("good")) {
                ((HttpServletResponse) response).setStatus(HttpServletResponse.SC_UNAUTHORIZED);
                return;
            }
            ((HttpServletResponse) response).setHeader(TOKEN, token);
        }
        chain.doFilter(request, response);
    }
}

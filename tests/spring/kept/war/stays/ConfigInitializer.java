package com.example.config;

import com.example.war.WarHandler;
import io.wsidecar.spring.SidecarConfiguration;
import org.springframework.context.annotation.Configuration;
import org.springframework.context.annotation.Import;
import org.springframework.web.servlet.support.AbstractAnnotationConfigDispatcherServletInitializer;
import org.springframework.web.socket.config.annotation.EnableWebSocket;
import org.springframework.web.socket.config.annotation.WebSocketConfigurer;
import org.springframework.web.socket.config.annotation.WebSocketHandlerRegistry;

/** A WAR without web.xml: a root context, and one for the dispatcher. */
public class ConfigInitializer extends AbstractAnnotationConfigDispatcherServletInitializer {

    @Configuration
    public static class Root {
    }

    @Configuration
    @EnableWebSocket
    @Import(SidecarConfiguration.class)
    public static class Sockets implements WebSocketConfigurer {

        @Override
        public void registerWebSocketHandlers(WebSocketHandlerRegistry registry) {
            registry.addHandler(new WarHandler(), "/raw/{name}");
        }
    }

    @Override
    protected Class<?>[] getRootConfigClasses() {
        return new Class<?>[] {Root.class};
    }

    @Override
    protected Class<?>[] getServletConfigClasses() {
        return new Class<?>[] {Sockets.class};
    }

    @Override
    protected String[] getServletMappings() {
        return new String[] {"/api/*"};
    }
}

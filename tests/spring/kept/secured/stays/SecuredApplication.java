package com.example.secured;

import java.security.Principal;
import javax.websocket.OnMessage;
import javax.websocket.server.ServerEndpoint;
import org.springframework.boot.SpringApplication;
import org.springframework.boot.autoconfigure.SpringBootApplication;
import org.springframework.context.annotation.Bean;
import org.springframework.messaging.handler.annotation.MessageMapping;
import org.springframework.messaging.handler.annotation.SendTo;
import org.springframework.messaging.simp.annotation.SendToUser;
import org.springframework.messaging.simp.config.MessageBrokerRegistry;
import org.springframework.security.config.Customizer;
import org.springframework.security.config.annotation.web.builders.HttpSecurity;
import org.springframework.security.core.Authentication;
import org.springframework.security.core.context.SecurityContextHolder;
import org.springframework.security.core.userdetails.User;
import org.springframework.security.core.userdetails.UserDetailsService;
import org.springframework.security.provisioning.InMemoryUserDetailsManager;
import org.springframework.security.web.SecurityFilterChain;
import org.springframework.security.web.csrf.CsrfToken;
import org.springframework.stereotype.Component;
import org.springframework.stereotype.Controller;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.RestController;
import org.springframework.web.socket.config.annotation.EnableWebSocket;
import org.springframework.web.socket.config.annotation.EnableWebSocketMessageBroker;
import org.springframework.web.socket.config.annotation.StompEndpointRegistry;
import org.springframework.web.socket.config.annotation.WebSocketConfigurer;
import org.springframework.web.socket.config.annotation.WebSocketHandlerRegistry;
import org.springframework.web.socket.config.annotation.WebSocketMessageBrokerConfigurer;
import org.springframework.web.socket.handler.TextWebSocketHandler;
import org.springframework.web.socket.server.standard.ServerEndpointExporter;

@SpringBootApplication
@EnableWebSocketMessageBroker
@EnableWebSocket
public class SecuredApplication implements WebSocketMessageBrokerConfigurer, WebSocketConfigurer {

    public static void main(String[] args) {
        SpringApplication.run(SecuredApplication.class, args);
    }

    @Override
    public void configureMessageBroker(MessageBrokerRegistry registry) {
        registry.enableSimpleBroker("/topic", "/queue");
        registry.setApplicationDestinationPrefixes("/app");
    }

    @Override
    public void registerStompEndpoints(StompEndpointRegistry registry) {
        registry.addEndpoint("/stomp");
        registry.addEndpoint("/sock").withSockJS();
    }

    @Override
    public void registerWebSocketHandlers(WebSocketHandlerRegistry registry) {
        registry.addHandler(new TextWebSocketHandler(), "/raw");
    }

    @Component
    @ServerEndpoint("/endpoint")
    public static class Endpoint {
        @OnMessage
        public String heard(String text) {
            return text;
        }
    }

    @Bean
    ServerEndpointExporter exporter() {
        return new ServerEndpointExporter();
    }

    @Bean
    SecurityFilterChain security(HttpSecurity http) throws Exception {
        http.authorizeHttpRequests(requests -> requests.anyRequest().authenticated());
        return http.formLogin(Customizer.withDefaults()).build();
    }

    @Bean
    UserDetailsService userDetails() {
        return new InMemoryUserDetailsManager(User.withUsername("alice").password("{noop}secret").roles("USER").build(),
            User.withUsername("root").password("{noop}secret").roles("USER", "ADMIN").build());
    }

    @RestController
    public static class Tokens {
        @GetMapping("/csrf")
        String csrf(CsrfToken token) {
            return token.getHeaderName() + " " + token.getToken();
        }
    }

    @Controller
    public static class Rooms {
        @MessageMapping("/say")
        @SendTo("/topic/rooms")
        String say(String text, Principal who) {
            Authentication login = SecurityContextHolder.getContext().getAuthentication();  // as the inbound channel's interceptor sets it
            return who.getName() + " " + login.getAuthorities() + " " + text;
        }

        @MessageMapping("/admin/close")
        @SendToUser("/queue/done")
        String close(String text) {
            return "closed " + text;
        }
    }
}

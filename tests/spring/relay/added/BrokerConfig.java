package com.example.added;

import org.springframework.beans.factory.annotation.Value;
import org.springframework.context.annotation.Configuration;
import org.springframework.messaging.simp.config.MessageBrokerRegistry;
import org.springframework.web.socket.config.annotation.WebSocketMessageBrokerConfigurer;

@Configuration
public class BrokerConfig implements WebSocketMessageBrokerConfigurer {
    @Value("${relay.port}")
    private int port;

    @Override
    public void configureMessageBroker(MessageBrokerRegistry registry) {
        registry.enableStompBrokerRelay("/topic", "/queue").setRelayPort(port)
            .setUserDestinationBroadcast("/topic/unresolved-user-destination").setUserRegistryBroadcast("/topic/simp-user-registry");
        registry.setApplicationDestinationPrefixes("/app");
    }
}

package com.example.deleted;

import com.example.table.OrderFoodWebSocketService;
import java.util.concurrent.Executors;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.data.redis.connection.RedisConnectionFactory;
import org.springframework.data.redis.listener.PatternTopic;
import org.springframework.data.redis.listener.RedisMessageListenerContainer;
import org.springframework.web.socket.server.standard.ServerEndpointExporter;

@Configuration
public class RedisObserverConfig {

    @Bean
    RedisMessageListenerContainer container(RedisConnectionFactory factory, OrderDishesListener listener) {
        RedisMessageListenerContainer container = new RedisMessageListenerContainer();
        container.setConnectionFactory(factory);
        container.setTaskExecutor(Executors.newFixedThreadPool(4));
        container.addMessageListener(listener, new PatternTopic(OrderFoodWebSocketService.TOPIC_ORDER_FOOD));
        return container;
    }

    @Bean
    ServerEndpointExporter serverEndpointExporter() {
        return new ServerEndpointExporter();
    }
}

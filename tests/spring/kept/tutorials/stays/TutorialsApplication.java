package com.example.tutorials;

import org.springframework.boot.SpringApplication;
import org.springframework.boot.autoconfigure.SpringBootApplication;
import org.springframework.context.annotation.Bean;
import org.springframework.web.socket.server.standard.ServerEndpointExporter;
import org.springframework.web.socket.server.standard.ServerEndpointRegistration;

@SpringBootApplication
public class TutorialsApplication {

    public static void main(String[] args) {
        SpringApplication.run(TutorialsApplication.class, args);
    }

    @Bean
    ServerEndpointExporter serverEndpointExporter() {
        return new ServerEndpointExporter();
    }

    @Bean
    ServerEndpointRegistration reversing() {
        return new ServerEndpointRegistration("/reverse", ReverseEndpoint.class);
    }
}

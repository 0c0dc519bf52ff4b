package com.example.added;

import com.example.wsidecar.Wsidecar;
import org.springframework.beans.factory.annotation.Value;
import org.springframework.boot.web.servlet.FilterRegistrationBean;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;

@Configuration
public class EventFilterConfig {

    @Bean
    FilterRegistrationBean<Wsidecar.EventFilter> events(@Value("${wsidecar.signing-secret}") String secret) {
        FilterRegistrationBean<Wsidecar.EventFilter> filter = new FilterRegistrationBean<>(new Wsidecar.EventFilter(secret));
        filter.addUrlPatterns("/app/*", "/stomp-events/*");
        return filter;
    }
}

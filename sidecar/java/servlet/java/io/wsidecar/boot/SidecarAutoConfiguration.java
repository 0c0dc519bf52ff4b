package io.wsidecar.boot;

import io.wsidecar.servlet.EventFilter;
import io.wsidecar.servlet.Application;
import io.wsidecar.servlet.HttpSessions;
import io.wsidecar.spring.Enabled;
import io.wsidecar.spring.SidecarConfiguration;
import io.wsidecar.websocket.EndpointFilter;
import org.springframework.boot.actuate.endpoint.annotation.Endpoint;
import org.springframework.boot.autoconfigure.AutoConfiguration;
import org.springframework.boot.autoconfigure.condition.ConditionalOnClass;
import org.springframework.boot.autoconfigure.condition.ConditionalOnWebApplication;
import org.springframework.boot.autoconfigure.data.redis.RedisAutoConfiguration;
import org.springframework.boot.web.servlet.FilterRegistrationBean;
import org.springframework.boot.web.servlet.ServletListenerRegistrationBean;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Conditional;
import org.springframework.context.annotation.Configuration;
import org.springframework.context.annotation.Import;
import org.springframework.core.Ordered;

/** The library in a Spring Boot application. */
@AutoConfiguration(after = RedisAutoConfiguration.class)
@ConditionalOnWebApplication(type = ConditionalOnWebApplication.Type.SERVLET)
@Conditional(Enabled.class)
@Import(SidecarConfiguration.class)
public class SidecarAutoConfiguration {
    /** Behind Spring Session's filter, before everything that looks at requests. */
    private static final int ORDER = Integer.MIN_VALUE + 60;

    @Bean
    FilterRegistrationBean<EventFilter> wsidecarEventFilter() {
        FilterRegistrationBean<EventFilter> filter = new FilterRegistrationBean<>(new EventFilter());
        filter.setOrder(ORDER);
        return filter;
    }

    @Bean
    ServletListenerRegistrationBean<HttpSessions> wsidecarHttpSessions() {
        return new ServletListenerRegistrationBean<>(new HttpSessions());
    }

    @Configuration(proxyBeanMethods = false)
    @ConditionalOnClass(name = "javax.websocket.server.ServerEndpointConfig")
    static class Endpoints {

        @Bean
        FilterRegistrationBean<EndpointFilter> wsidecarEndpointFilter() {
            FilterRegistrationBean<EndpointFilter> filter = new FilterRegistrationBean<>(new EndpointFilter());
            filter.setOrder(Ordered.LOWEST_PRECEDENCE);
            filter.setMatchAfter(true);  // the order of the application's own is often the lowest, too, and what they refuse must not open
            return filter;
        }
    }

    @Configuration(proxyBeanMethods = false)
    @ConditionalOnClass(Endpoint.class)
    static class Actuator {

        @Bean
        SidecarEndpoint wsidecarEndpoint(Application application) {
            return new SidecarEndpoint(application);
        }
    }
}

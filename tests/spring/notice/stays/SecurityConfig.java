package com.example.notice;

import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.security.config.Customizer;
import org.springframework.security.config.annotation.web.builders.HttpSecurity;
import org.springframework.security.core.userdetails.User;
import org.springframework.security.core.userdetails.UserDetailsService;
import org.springframework.security.provisioning.InMemoryUserDetailsManager;
import org.springframework.security.web.SecurityFilterChain;
import org.springframework.security.web.util.matcher.AntPathRequestMatcher;

@Configuration
public class SecurityConfig {

    @Bean
    SecurityFilterChain security(HttpSecurity http) throws Exception {
        AntPathRequestMatcher events = new AntPathRequestMatcher("/ws-events/**");             // added
        http.csrf(csrf -> csrf.ignoringRequestMatchers(events));                               // added: events have no token
        http.authorizeHttpRequests(requests -> requests
            .requestMatchers(events).permitAll()                                               // added: EventFilter guards them
            .anyRequest().authenticated());
        return http.formLogin(Customizer.withDefaults()).build();
    }

    @Bean
    UserDetailsService userDetails() {
        InMemoryUserDetailsManager users = new InMemoryUserDetailsManager();
        for (String name : new String[] {"alice", "bob", "张三"}) {
            users.createUser(User.withUsername(name).password("{noop}secret").roles("USER").build());
        }
        return users;
    }
}

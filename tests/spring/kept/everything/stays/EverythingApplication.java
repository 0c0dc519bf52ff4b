package com.example.everything;

import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import org.springframework.boot.SpringApplication;
import org.springframework.boot.autoconfigure.SpringBootApplication;
import org.springframework.context.annotation.Bean;

/** Uses each annotation and callback once, so that clients can tell whether it does what it did. */
@SpringBootApplication
public class EverythingApplication {

    public static void main(String[] args) {
        SpringApplication.run(EverythingApplication.class, args);
    }

    @Bean(destroyMethod = "shutdown")
    ExecutorService others() {
        return Executors.newFixedThreadPool(2);
    }
}

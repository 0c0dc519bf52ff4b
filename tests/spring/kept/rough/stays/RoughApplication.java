package com.example.rough;

import org.springframework.boot.SpringApplication;
import org.springframework.boot.autoconfigure.SpringBootApplication;

/** What handlers of real applications do besides what samples show. */
@SpringBootApplication
public class RoughApplication {

    public static void main(String[] args) {
        SpringApplication.run(RoughApplication.class, args);
    }
}

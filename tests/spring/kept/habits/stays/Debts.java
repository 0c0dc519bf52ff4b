package com.example.habits;

import org.springframework.context.annotation.Configuration;
import org.springframework.validation.Errors;
import org.springframework.validation.Validator;
import org.springframework.web.servlet.config.annotation.WebMvcConfigurer;

/** The application's validator, which Spring uses for messages, too. */
@Configuration
public class Debts implements WebMvcConfigurer {

    @Override
    public Validator getValidator() {
        return new Validator() {
            @Override
            public boolean supports(Class<?> type) {
                return type == StompConfig.Money.class;
            }

            @Override
            public void validate(Object target, Errors errors) {
                if (((StompConfig.Money) target).cents < 0) {
                    errors.reject("debt", "that is a debt");
                }
            }
        };
    }
}

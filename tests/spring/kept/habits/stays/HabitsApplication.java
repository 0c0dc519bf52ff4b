package com.example.habits;

import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.stream.Collectors;
import org.springframework.boot.SpringApplication;
import org.springframework.boot.autoconfigure.SpringBootApplication;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.RequestParam;
import org.springframework.web.bind.annotation.RestController;

@SpringBootApplication
@RestController
public class HabitsApplication {
    private static final List<String> LINES = new CopyOnWriteArrayList<>();

    public static void main(String[] args) {
        SpringApplication.run(HabitsApplication.class, args);
    }

    /** @param name of the client that it is about */
    static void called(String name, String what) {
        LINES.add(name + " " + what);
    }

    @GetMapping("/calls")
    List<String> of(@RequestParam("name") String name) {
        return LINES.stream().filter(line -> line.startsWith(name + " ")).collect(Collectors.toList());
    }
}

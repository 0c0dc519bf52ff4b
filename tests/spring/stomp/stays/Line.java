package com.example.desk;

public record Line(String author, String text) {}

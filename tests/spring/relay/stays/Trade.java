package com.example.trade;

public record Trade(String trader, String share, int price) {}

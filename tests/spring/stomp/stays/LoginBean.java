package com.example.desk;

import java.io.Serializable;

public record LoginBean(long id, String name) implements Serializable {}

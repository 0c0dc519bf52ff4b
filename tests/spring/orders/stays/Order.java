package com.example.orders;

import java.io.Serializable;
import java.util.List;

public class Order implements Serializable {
    private Long id;
    private String userId;
    private Address address;
    private List<Item> items;

    public Order() {
    }

    public Order(Long id, String userId, Address address, List<Item> items) {
        this.id = id;
        this.userId = userId;
        this.address = address;
        this.items = items;
    }

    public Long getId() {
        return id;
    }

    public String getUserId() {
        return userId;
    }

    public Address getAddress() {
        return address;
    }

    public List<Item> getItems() {
        return items;
    }

    public static class Address implements Serializable {
        private String city;

        public Address() {
        }

        public Address(String city) {
            this.city = city;
        }

        public String getCity() {
            return city;
        }
    }

    public static class Item implements Serializable {
        private String dish;
        private double price;

        public Item() {
        }

        public Item(String dish, double price) {
            this.dish = dish;
            this.price = price;
        }

        public String getDish() {
            return dish;
        }

        public double getPrice() {
            return price;
        }
    }
}

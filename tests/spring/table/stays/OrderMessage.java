package com.example.table;

import java.io.Serializable;
import java.math.BigDecimal;
import java.util.List;

public class OrderMessage implements Serializable {
    private static final long serialVersionUID = 1L;
    private String tableId;
    private String from;
    private String dish;
    private int count;
    private BigDecimal price;
    private List<String> wishes;

    public OrderMessage() {}

    public OrderMessage(String tableId, String from, String dish, int count, BigDecimal price, List<String> wishes) {
        this.tableId = tableId;
        this.from = from;
        this.dish = dish;
        this.count = count;
        this.price = price;
        this.wishes = wishes;
    }

    public String getTableId() { return tableId; }
    public String getFrom() { return from; }
    public String getDish() { return dish; }
    public int getCount() { return count; }
    public BigDecimal getPrice() { return price; }
    public List<String> getWishes() { return wishes; }
}

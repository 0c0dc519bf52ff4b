package com.example.notice;

import java.io.Serializable;

public class UserNotice implements Serializable {
    private Long userId;
    private String title;
    private String content;
    private int level;
    private boolean read;

    public UserNotice() {}

    public UserNotice(Long userId, String title, String content, int level) {
        this.userId = userId;
        this.title = title;
        this.content = content;
        this.level = level;
    }

    public Long getUserId() { return userId; }
    public String getTitle() { return title; }
    public String getContent() { return content; }
    public int getLevel() { return level; }
    public boolean isRead() { return read; }
}

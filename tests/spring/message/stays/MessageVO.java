package com.example.push;

import java.io.Serializable;
import java.util.Date;

public class MessageVO implements Serializable {
    private static final long serialVersionUID = 1L;

    public enum Status { NEW, SENT }

    private final Long id;
    private final String title;
    private final String content;
    private final Date createdAt;
    private final Status status;

    public MessageVO(Long id, String title, String content, Date createdAt, Status status) {
        this.id = id;
        this.title = title;
        this.content = content;
        this.createdAt = createdAt;
        this.status = status;
    }

    public Long getId() { return id; }
    public String getTitle() { return title; }
    public String getContent() { return content; }
    public Date getCreatedAt() { return createdAt; }
    public Status getStatus() { return status; }
}

package com.example.push;

import java.io.Serializable;
import java.util.List;

public class PushMessageVO implements Serializable {
    private static final long serialVersionUID = 42L;
    private final String userLdap;
    private final List<MessageVO> messageVOS;

    public PushMessageVO(String userLdap, List<MessageVO> messageVOS) {
        this.userLdap = userLdap;
        this.messageVOS = messageVOS;
    }

    public String getUserLdap() { return userLdap; }
    public List<MessageVO> getMessageVOS() { return messageVOS; }
}

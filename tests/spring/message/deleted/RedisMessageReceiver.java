package com.example.deleted;

import com.example.push.MessageService;
import com.example.push.MessageVO;
import com.example.push.PushMessageVO;
import java.io.IOException;
import java.util.stream.Collectors;
import org.springframework.stereotype.Component;

@Component
public class RedisMessageReceiver {
    private final MessageHandler handler;
    private final MessageService messageService;

    public RedisMessageReceiver(MessageHandler handler, MessageService messageService) {
        this.handler = handler;
        this.messageService = messageService;
    }

    public void redisMessageReceiver(PushMessageVO pushMessageVO) throws IOException {
        handler.send(pushMessageVO.getUserLdap(), pushMessageVO.getMessageVOS());
        messageService.markAsSent(pushMessageVO.getMessageVOS().stream().map(MessageVO::getId).collect(Collectors.toList()));
    }
}

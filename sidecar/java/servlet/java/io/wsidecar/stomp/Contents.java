package io.wsidecar.stomp;

import io.wsidecar.core.Envelope;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.springframework.messaging.Message;
import org.springframework.messaging.MessageHeaders;
import org.springframework.messaging.support.NativeMessageHeaderAccessor;

/** What of a message goes into a MESSAGE frame. */
final class Contents {
    private Contents() {}

    /** Null: none was said. */
    static String type(Message<?> message) {
        Object type = message.getHeaders().get(MessageHeaders.CONTENT_TYPE);
        return type == null ? null : type.toString();
    }

    /** A body of octets goes in a binary message, as Spring sends it. */
    static boolean isText(Message<?> message, byte[] payload) {
        String type = type(message);
        if (payload.length > 0 && type != null && type.toLowerCase(Locale.ROOT).startsWith("application/octet-stream")) {
            return false;
        }
        try {
            StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(payload));
            return true;
        } catch (CharacterCodingException e) {
            return false;
        }
    }

    static Envelope payload(Envelope envelope, Message<?> message, byte[] payload) {
        Map<String, String> headers = new LinkedHashMap<>();
        Object own = message.getHeaders().get(NativeMessageHeaderAccessor.NATIVE_HEADERS);
        if (own instanceof Map) {
            ((Map<?, ?>) own).forEach((name, values) -> {
                Object value = values instanceof List && !((List<?>) values).isEmpty() ? ((List<?>) values).get(0) : null;
                if (value != null && isPlain(name.toString())) {
                    headers.put(name.toString(), value.toString());
                }
            });
        }
        String type = type(message);
        if (type != null) {
            headers.put("content-type", type);
        }
        envelope.headers(headers);
        return isText(message, payload) ? envelope.text(new String(payload, StandardCharsets.UTF_8)) : envelope.binary(payload);
    }

    /** Those that wsidecar writes itself are not said twice. */
    private static boolean isPlain(String name) {
        return !name.equals("destination") && !name.equals("subscription") && !name.equals("message-id") && !name.equals("content-length")
            && !name.equals("content-type") && !name.equals("receipt") && !name.equals("transaction") && !name.equals("ack") && !name.equals("id")
            && !name.equals(DestinationBroker.SEND);
    }
}

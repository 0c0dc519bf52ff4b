package io.wsidecar.servlet;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStreamWriter;
import java.io.PrintWriter;
import java.nio.charset.Charset;
import javax.servlet.ServletOutputStream;
import javax.servlet.WriteListener;
import javax.servlet.http.HttpServletResponse;
import javax.servlet.http.HttpServletResponseWrapper;

/** Keeps a body back until it is known whether the handshake was accepted. Status and headers go on at once. */
final class HeldResponse extends HttpServletResponseWrapper {
    private static final int LARGEST = 1 << 20;
    private final ByteArrayOutputStream body = new ByteArrayOutputStream();
    private PrintWriter writer;
    private ServletOutputStream stream;
    private boolean sent;

    HeldResponse(HttpServletResponse response) {
        super(response);
    }

    @Override
    public ServletOutputStream getOutputStream() {
        if (stream == null) {
            stream = new ServletOutputStream() {
                @Override
                public void write(int b) {
                    if (body.size() < LARGEST) {
                        body.write(b);
                    }
                }

                @Override
                public boolean isReady() {
                    return true;
                }

                @Override
                public void setWriteListener(WriteListener listener) {
                    throw new UnsupportedOperationException("a handshake is answered at once");
                }
            };
        }
        return stream;
    }

    @Override
    public PrintWriter getWriter() {
        if (writer == null) {
            String charset = getCharacterEncoding();
            writer = new PrintWriter(new OutputStreamWriter(getOutputStream(), charset == null ? Charset.forName("ISO-8859-1") : Charset.forName(charset)));
        }
        return writer;
    }

    @Override
    public void flushBuffer() {
        // Nothing leaves before its time.
    }

    @Override
    public void resetBuffer() {
        body.reset();
    }

    @Override
    public void setContentLength(int length) {
        // It is set with the body.
    }

    @Override
    public void setContentLengthLong(long length) {
        // It is set with the body.
    }

    @Override
    public void sendError(int status) throws IOException {
        sent = true;
        super.sendError(status);
    }

    @Override
    public void sendError(int status, String words) throws IOException {
        sent = true;
        super.sendError(status, words);
    }

    @Override
    public void sendRedirect(String location) throws IOException {
        sent = true;
        super.sendRedirect(location);
    }

    /** The body belongs to nobody: the answer has another. */
    void forget() {
        body.reset();
    }

    void release() throws IOException {
        if (writer != null) {
            writer.flush();
        }
        if (!sent && body.size() > 0) {
            getResponse().setContentLength(body.size());
            body.writeTo(getResponse().getOutputStream());
        }
    }
}

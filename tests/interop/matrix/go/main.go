// A client of one of Go's libraries that does what matrix_test.py asks for: client LIBRARY URL. See client.py.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	coder "github.com/coder/websocket"
	fasthttp "github.com/fasthttp/websocket"
	"github.com/gobwas/ws"
	"github.com/gobwas/ws/wsutil"
	"github.com/gorilla/websocket"
	"github.com/lxzan/gws"
	xnet "golang.org/x/net/websocket"
)

var offered = []string{"chat.v9", "chat.v2"}
var parts = []string{strings.Repeat("f", 70000), strings.Repeat("r", 10), strings.Repeat("ä", 1000)}

const goodbye = 4005
const reason = "bye ✓"

func closed(code int, text string) {
	if code == 0 || code == 1006 {
		return
	}
	fmt.Println(strings.TrimSpace(fmt.Sprintf("closed %d %s", code, text)))
	os.Exit(0)
}

func gorillaClient(url string) error {
	dialer := websocket.Dialer{Subprotocols: offered, EnableCompression: true}
	c, _, err := dialer.Dial(url, nil)
	if err != nil {
		return err
	}
	defer c.Close()
	c.WriteMessage(websocket.TextMessage, []byte("hello "+c.Subprotocol()))
	for {
		kind, data, err := c.ReadMessage()
		var e *websocket.CloseError
		if errors.As(err, &e) {
			closed(e.Code, e.Text)
		}
		if err != nil {
			return err
		}
		switch string(data) {
		case "!close":
			c.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(goodbye, reason), time.Now().Add(time.Second))
		case "!fragments":
			w, _ := c.NextWriter(websocket.TextMessage)
			for _, p := range parts {
				io.WriteString(w, p)
			}
			w.Close()
		default:
			c.WriteMessage(kind, data)
		}
	}
}

func fasthttpClient(url string) error {
	dialer := fasthttp.Dialer{Subprotocols: offered, EnableCompression: true}
	c, _, err := dialer.Dial(url, nil)
	if err != nil {
		return err
	}
	defer c.Close()
	c.WriteMessage(fasthttp.TextMessage, []byte("hello "+c.Subprotocol()))
	for {
		kind, data, err := c.ReadMessage()
		var e *fasthttp.CloseError
		if errors.As(err, &e) {
			closed(e.Code, e.Text)
		}
		if err != nil {
			return err
		}
		switch string(data) {
		case "!close":
			c.WriteControl(fasthttp.CloseMessage, fasthttp.FormatCloseMessage(goodbye, reason), time.Now().Add(time.Second))
		case "!fragments":
			w, _ := c.NextWriter(fasthttp.TextMessage)
			for _, p := range parts {
				io.WriteString(w, p)
			}
			w.Close()
		default:
			c.WriteMessage(kind, data)
		}
	}
}

func coderClient(url string) error {
	ctx := context.Background()
	c, _, err := coder.Dial(ctx, url, &coder.DialOptions{Subprotocols: offered, CompressionMode: coder.CompressionContextTakeover})
	if err != nil {
		return err
	}
	defer c.CloseNow()
	c.SetReadLimit(1 << 24)
	c.Write(ctx, coder.MessageText, []byte("hello "+c.Subprotocol()))
	for {
		kind, data, err := c.Read(ctx)
		var e coder.CloseError
		if errors.As(err, &e) {
			closed(int(e.Code), e.Reason)
		}
		if err != nil {
			return err
		}
		switch string(data) {
		case "!close":
			c.Close(goodbye, reason)
			closed(goodbye, reason)
		case "!fragments":
			w, _ := c.Writer(ctx, coder.MessageText)
			for _, p := range parts {
				io.WriteString(w, p)
			}
			w.Close()
		default:
			c.Write(ctx, kind, data)
		}
	}
}

func gobwasClient(url string) error {
	c, rest, hs, err := ws.Dialer{Protocols: offered}.Dial(context.Background(), url)
	if err != nil {
		return err
	}
	defer c.Close()
	var in io.Reader = c
	if rest != nil {
		in = io.MultiReader(rest, c)
	}
	both := struct {
		io.Reader
		io.Writer
	}{in, c}
	wsutil.WriteClientText(c, []byte("hello "+hs.Protocol))
	for {
		data, kind, err := wsutil.ReadServerData(both)
		var e wsutil.ClosedError
		if errors.As(err, &e) {
			closed(int(e.Code), e.Reason)
		}
		if err != nil {
			return err
		}
		switch string(data) {
		case "!close":
			wsutil.WriteClientMessage(c, ws.OpClose, ws.NewCloseFrameBody(goodbye, reason))
		case "!fragments":
			for i, p := range parts {
				kind := ws.OpContinuation
				if i == 0 {
					kind = ws.OpText
				}
				ws.WriteFrame(c, ws.MaskFrame(ws.NewFrame(kind, i == len(parts)-1, []byte(p))))
			}
		default:
			wsutil.WriteClientMessage(c, kind, data)
		}
	}
}

type gwsHandler struct {
	gws.BuiltinEventHandler
	protocol string
	ended    chan error
}

func (h *gwsHandler) OnClose(c *gws.Conn, err error) {
	var e *gws.CloseError
	if errors.As(err, &e) {
		closed(int(e.Code), string(e.Reason))
	}
	h.ended <- err
}

func (h *gwsHandler) OnPing(c *gws.Conn, payload []byte) { c.WritePong(payload) }

func (h *gwsHandler) OnMessage(c *gws.Conn, m *gws.Message) {
	defer m.Close()
	switch string(m.Bytes()) {
	case "!close":
		c.WriteClose(goodbye, []byte(reason))
		closed(goodbye, reason)
	case "!fragments":
		c.WriteString("!none")
	default:
		c.WriteMessage(m.Opcode, m.Bytes())
	}
}

func gwsClient(url string) error {
	h := &gwsHandler{ended: make(chan error, 2)}
	c, r, err := gws.NewClient(h, &gws.ClientOption{Addr: url, RequestHeader: map[string][]string{"Sec-WebSocket-Protocol": {strings.Join(offered, ", ")}},
		PermessageDeflate: gws.PermessageDeflate{Enabled: true, ServerContextTakeover: true, ClientContextTakeover: true}, ReadMaxPayloadSize: 1 << 24})
	if err != nil {
		return err
	}
	c.WriteString("hello " + r.Header.Get("Sec-WebSocket-Protocol"))
	go c.ReadLoop()
	return <-h.ended
}

func xnetClient(url string) error {
	config, _ := xnet.NewConfig(url, "http"+strings.TrimPrefix(url, "ws"))
	config.Protocol = offered
	c, err := xnet.DialConfig(config)
	if err != nil {
		return err
	}
	defer c.Close()
	c.MaxPayloadBytes = 1 << 24
	chosen := ""
	if p := c.Config().Protocol; len(p) == 1 {
		chosen = p[0]
	}
	xnet.Message.Send(c, "hello "+chosen)
	type message struct {
		data []byte
		text bool
	}
	either := xnet.Codec{Unmarshal: func(data []byte, kind byte, v interface{}) error {
		*v.(*message) = message{data, kind == xnet.TextFrame}
		return nil
	}}
	for {
		var m message
		if err := either.Receive(c, &m); err != nil {
			return err
		}
		switch {
		case string(m.data) == "!close":
			c.WriteClose(goodbye)
			closed(goodbye, "")
		case string(m.data) == "!fragments":
			xnet.Message.Send(c, "!none")
		case m.text:
			xnet.Message.Send(c, string(m.data))
		default:
			xnet.Message.Send(c, m.data)
		}
	}
}

func main() {
	run := map[string]func(string) error{"gorilla": gorillaClient, "fasthttp": fasthttpClient, "coder": coderClient, "gobwas": gobwasClient,
		"gws": gwsClient, "xnet": xnetClient}[os.Args[1]]
	for {
		if err := run(os.Args[2]); err != nil {
			fmt.Fprintln(os.Stderr, "!", err)
		}
		time.Sleep(100 * time.Millisecond)
	}
}

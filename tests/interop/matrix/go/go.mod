module clients

go 1.21

require (
	github.com/coder/websocket v1.8.12
	github.com/fasthttp/websocket v1.5.10
	github.com/gobwas/ws v1.4.0
	github.com/gorilla/websocket v1.5.3
	github.com/lxzan/gws v1.8.8
	golang.org/x/net v0.33.0
)

require (
	github.com/andybalholm/brotli v1.1.0 // indirect
	github.com/dolthub/maphash v0.1.0 // indirect
	github.com/gobwas/httphead v0.1.0 // indirect
	github.com/gobwas/pool v0.2.1 // indirect
	github.com/klauspost/compress v1.17.9 // indirect
	github.com/savsgio/gotils v0.0.0-20240704082632-aef3928b8a38 // indirect
	github.com/valyala/bytebufferpool v1.0.0 // indirect
	github.com/valyala/fasthttp v1.55.0 // indirect
	golang.org/x/sys v0.28.0 // indirect
)

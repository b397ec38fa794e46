// A WebSocket echo server of gorilla/websocket on net/http's default dual-stack socket. GET /health is answered by plain
// HTTP on the same port. It logs what it sees as JSON lines. Flag: -port N.
package main

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"sync"

	"github.com/gorilla/websocket"
)

type event map[string]interface{}

var (
	output sync.Mutex
	lines  = json.NewEncoder(os.Stdout)
)

// Above this many bytes a text is logged as its digest; binary messages are in any case.
const shownBytes = 4096

func log(e event) {
	output.Lock()
	defer output.Unlock()
	if err := lines.Encode(e); err != nil {
		os.Exit(1)
	}
}

func main() {
	port := flag.Int("port", 0, "")
	flag.Parse()
	http.HandleFunc("/health", func(answer http.ResponseWriter, request *http.Request) {
		log(event{"event": "request", "peer": request.RemoteAddr, "method": request.Method, "path": "/health", "bytes": 0})
		io.WriteString(answer, "ok\n")
	})
	http.HandleFunc("/", echo)
	listener, err := net.Listen("tcp", ":"+strconv.Itoa(*port))
	if err != nil {
		panic(err)
	}
	log(event{"event": "listening", "address": listener.Addr().String()})
	server := http.Server{ConnState: func(connection net.Conn, state http.ConnState) {
		if state == http.StateNew {
			log(event{"event": "accepted", "peer": connection.RemoteAddr().String()})
		}
	}}
	panic(server.Serve(listener))
}

func echo(answer http.ResponseWriter, request *http.Request) {
	upgrader := websocket.Upgrader{}
	socket, err := upgrader.Upgrade(answer, request, nil)
	if err != nil {
		return
	}
	defer socket.Close()
	peer := request.RemoteAddr
	log(event{"event": "opened", "peer": peer, "path": request.URL.Path, "deflate": false})
	var code interface{}
	for {
		kind, data, err := socket.ReadMessage()
		if err != nil {
			// 1005 and 1006 stand for a missing status code and a missing Close frame (RFC 6455 section 7.4.1).
			var closed *websocket.CloseError
			if errors.As(err, &closed) && closed.Code != 1005 && closed.Code != 1006 {
				code = closed.Code
			}
			break
		}
		report(peer, kind, data)
		// What came before a Close frame is still to be logged when it can no longer be echoed.
		_ = socket.WriteMessage(kind, data)
	}
	log(event{"event": "closed", "peer": peer, "code": code})
}

func report(peer string, kind int, data []byte) {
	seen := event{"event": "message", "peer": peer, "opcode": "text"}
	if kind == websocket.BinaryMessage {
		seen["opcode"] = "binary"
	}
	if kind == websocket.BinaryMessage || len(data) > shownBytes {
		digest := sha256.Sum256(data)
		seen["sha256"], seen["bytes"] = hex.EncodeToString(digest[:]), len(data)
	} else {
		seen["text"] = string(data)
	}
	log(seen)
}

import jakarta.servlet.http.HttpServlet;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import jakarta.websocket.CloseReason;
import jakarta.websocket.DeploymentException;
import jakarta.websocket.Endpoint;
import jakarta.websocket.EndpointConfig;
import jakarta.websocket.Session;
import jakarta.websocket.server.ServerContainer;
import jakarta.websocket.server.ServerEndpointConfig;
import java.io.File;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.security.GeneralSecurityException;
import java.security.MessageDigest;
import java.util.HexFormat;
import java.util.Map;
import org.apache.catalina.Context;
import org.apache.catalina.startup.Tomcat;
import org.apache.tomcat.websocket.server.WsSci;

/**
 * A WebSocket echo server of Tomcat with its defaults: Java NIO on a dual-stack socket, permessage-deflate for who offers
 * it. It logs what it sees as JSON lines. Argument: the port.
 */
public final class Server extends HttpServlet {
    private static final int SHOWN_BYTES = 4096;
    private static final String LARGEST_MESSAGE = String.valueOf(1 << 21);

    public static void main(String[] arguments) throws Exception {
        File scratch = Files.createTempDirectory("framewall-tomcat-").toFile();
        Tomcat tomcat = new Tomcat();
        tomcat.setBaseDir(scratch.getPath());
        tomcat.setPort(Integer.parseInt(arguments[0]));
        Context context = tomcat.addContext("", scratch.getPath());
        context.addServletContainerInitializer(new WsSci(), null);
        context.addParameter("org.apache.tomcat.websocket.textBufferSize", LARGEST_MESSAGE);
        context.addParameter("org.apache.tomcat.websocket.binaryBufferSize", LARGEST_MESSAGE);
        Tomcat.addServlet(context, "echo", new Server()).addMapping("/*");
        tomcat.getConnector();
        tomcat.start();
        say("\"event\":\"listening\",\"address\":\"[::]:" + arguments[0] + "\"");
        tomcat.getServer().await();
    }

    @Override
    protected void doGet(HttpServletRequest request, HttpServletResponse answer) throws IOException {
        String ip = request.getRemoteAddr();
        String peer = (ip.contains(":") ? "[" + ip + "]" : ip) + ":" + request.getRemotePort();
        ServerEndpointConfig config = ServerEndpointConfig.Builder.create(Echo.class, request.getRequestURI()).build();
        config.getUserProperties().put("peer", peer);
        config.getUserProperties().put("path", request.getRequestURI());
        try {
            ((ServerContainer) getServletContext().getAttribute(ServerContainer.class.getName()))
                    .upgradeHttpToWebSocket(request, answer, config, Map.of());
        } catch (DeploymentException refused) {
            throw new IOException(refused);
        }
    }

    /** One connection. */
    public static final class Echo extends Endpoint {
        private String peer;

        @Override
        public void onOpen(Session session, EndpointConfig config) {
            peer = quoted((String) config.getUserProperties().get("peer"));
            boolean deflate = session.getNegotiatedExtensions().stream()
                    .anyMatch(extension -> extension.getName().equals("permessage-deflate"));
            String path = quoted((String) config.getUserProperties().get("path"));
            say("\"event\":\"opened\",\"peer\":" + peer + ",\"path\":" + path + ",\"deflate\":" + deflate);
            session.addMessageHandler(String.class, text -> {
                report("text", text.getBytes(StandardCharsets.UTF_8));
                try {
                    session.getBasicRemote().sendText(text);
                } catch (IOException closed) {
                    throw new UncheckedIOException(closed);
                }
            });
            session.addMessageHandler(ByteBuffer.class, data -> {
                byte[] bytes = new byte[data.remaining()];
                data.duplicate().get(bytes);
                report("binary", bytes);
                try {
                    session.getBasicRemote().sendBinary(data);
                } catch (IOException closed) {
                    throw new UncheckedIOException(closed);
                }
            });
        }

        @Override
        public void onClose(Session session, CloseReason reason) {
            int code = reason.getCloseCode().getCode();
            // 1005 and 1006 stand for a missing status code and a missing Close frame (RFC 6455 section 7.4.1).
            say("\"event\":\"closed\",\"peer\":" + peer + ",\"code\":" + (code == 1005 || code == 1006 ? "null" : code));
        }

        @Override
        public void onError(Session session, Throwable error) {
            say("\"event\":\"error\",\"peer\":" + peer + ",\"message\":" + quoted(String.valueOf(error)));
        }

        private void report(String opcode, byte[] content) {
            String shown = content.length > SHOWN_BYTES
                    ? "\"sha256\":\"" + digest(content) + "\",\"bytes\":" + content.length
                    : "\"text\":" + quoted(new String(content, StandardCharsets.UTF_8));
            say("\"event\":\"message\",\"peer\":" + peer + ",\"opcode\":\"" + opcode + "\"," + shown);
        }
    }

    private static String digest(byte[] content) {
        try {
            return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(content));
        } catch (GeneralSecurityException missing) {
            throw new IllegalStateException(missing);
        }
    }

    /** A JSON string (RFC 8259 section 7). */
    private static String quoted(String text) {
        StringBuilder json = new StringBuilder("\"");
        for (char character : text.toCharArray()) {
            if (character < ' ' || character == '"' || character == '\\') {
                json.append(String.format("\\u%04x", (int) character));
            } else {
                json.append(character);
            }
        }
        return json.append('"').toString();
    }

    private static void say(String members) {
        byte[] line = ("{" + members + "}\n").getBytes(StandardCharsets.UTF_8);
        System.out.write(line, 0, line.length);
        System.out.flush();
    }
}

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicLong;

/**
 * A backend on the JDK's own HTTP server: java Backend HOST PORT NAME VERSION. It answers every path with 200; POST /fill
 * makes it keep whatever the heap has, and want more for ever. Each request leaves a line on stdout when it came, and
 * one when it ended, as those of the ASGI apps do.
 */
public final class Backend {
  private static final AtomicLong NUMBERS = new AtomicLong();
  private static final int THREADS = 50;

  private Backend() {}

  public static void main(String[] args) throws IOException {
    HttpServer server = HttpServer.create(new InetSocketAddress(args[0], Integer.parseInt(args[1])), 100);
    server.setExecutor(Executors.newFixedThreadPool(THREADS));
    server.createContext("/", exchange -> answer(exchange, args[2], args[3]));
    server.start();
  }

  private static void answer(HttpExchange x, String name, String version) throws IOException {
    String id = x.getRequestHeaders().getFirst("X-Request-Id");
    String path = x.getRequestURI().getRawPath();
    String record = String.format("ledger {\"pid\":%d,\"n\":%d,\"id\":%s,\"method\":%s,\"path\":%s,\"version\":%s,\"came\":\"%s\"",
        ProcessHandle.current().pid(), NUMBERS.incrementAndGet(), quoted(id == null ? "" : id), quoted(x.getRequestMethod()),
        quoted(path), quoted(version), Instant.now());
    say(record + "}\n");
    x.getRequestBody().readAllBytes();
    byte[] body = String.format("{\"path\":%s,\"version\":%s}", quoted(path), quoted(version)).getBytes(StandardCharsets.UTF_8);
    x.getResponseHeaders().set("Content-Type", "application/json");
    x.getResponseHeaders().set("X-Backend", name);
    x.getResponseHeaders().set("X-Version", version);
    if (id != null) {
      x.getResponseHeaders().set("X-Request-Id", id);
    }
    x.sendResponseHeaders(200, body.length);
    x.getResponseBody().write(body);
    x.close();
    say(record + String.format(",\"status\":200,\"bytes\":%d,\"ended\":\"%s\"}\n", body.length, Instant.now()));
    if (path.equals("/fill") && x.getRequestMethod().equals("POST")) {
      new Thread(Backend::fill).start(); // the last thing that this one is sure to answer
    }
  }

  /** Fills the heap to its last bytes, as a leak does in the end. The collector then finds nothing, and is asked again. */
  private static void fill() {
    List<byte[]> kept = new ArrayList<>(1 << 16);
    int size = 1 << 20;
    while (true) {
      try {
        kept.add(new byte[size]);
      } catch (OutOfMemoryError none) {
        size = Math.max(16, size / 2);
      }
    }
  }

  /** One write, shorter than a pipe takes at once: lines do not mix. */
  private static void say(String line) {
    byte[] bytes = line.getBytes(StandardCharsets.UTF_8);
    synchronized (System.out) {
      System.out.write(bytes, 0, bytes.length);
      System.out.flush();
    }
  }

  private static String quoted(String text) {
    StringBuilder out = new StringBuilder("\"");
    for (char c : text.substring(0, Math.min(text.length(), 512)).toCharArray()) {
      if (c == '"' || c == '\\' || c < ' ') {
        out.append(String.format("\\u%04x", (int) c));
      } else {
        out.append(c);
      }
    }
    return out.append('"').toString();
  }
}

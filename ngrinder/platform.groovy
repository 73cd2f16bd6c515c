import static net.grinder.script.Grinder.grinder

import groovy.json.JsonException
import groovy.json.JsonSlurper
import java.nio.charset.StandardCharsets
import java.util.concurrent.ConcurrentHashMap
import java.util.concurrent.ThreadLocalRandom
import java.util.concurrent.atomic.LongAdder
import java.util.regex.Matcher
import net.grinder.script.GTest
import net.grinder.scriptengine.groovy.junit.GrinderRunner
import net.grinder.scriptengine.groovy.junit.annotation.AfterProcess
import net.grinder.scriptengine.groovy.junit.annotation.BeforeProcess
import net.grinder.scriptengine.groovy.junit.annotation.BeforeThread
import net.grinder.util.GrinderUtils
import org.junit.Test
import org.junit.runner.RunWith
import org.ngrinder.http.HTTPRequest
import org.ngrinder.http.HTTPRequestControl
import org.ngrinder.http.HTTPResponse

/**
 * The bystander: visitors who look at stays and book one, on the same write database as the coupons. Run it as a
 * second test beside the surge to see whom a surge or an outage reaches.
 *
 * Parameter: target. Tests: stays, stay, booking.
 */
@RunWith(GrinderRunner)
class TestRunner {
  @BeforeProcess
  static void beforeProcess() {
    readSettings(["target"])
    prepareStays()
  }

  @BeforeThread
  void beforeThread() {
    recordStays()
  }

  @Test
  void test() {
    visit(newPerson())
  }

  @AfterProcess
  static void afterProcess() {
    grinder.logger.info("TimeAttack: errors {}", errorKinds)
  }

  // ==== shared: settings and calls =========================================================================
  // The same text stands in every script, because nGrinder takes one file a test.

  /** Every key of every script: the file may hold them all, each script takes its own. */
  static final List<String> KEYS =
      ["target", "policy", "again", "history", "operator", "token", "from", "for", "surge"]
  static final String SETTINGS_FILE = "resources/timeattack.properties"

  // No call may outlast the ten seconds that a worker process waits for its threads at the end of a test.
  static final int CONNECT_MS = 3000
  static final int ANSWER_MS = 5000

  static Map<String, String> settings
  static String target
  static HTTPRequest request
  static String crowd
  static final Map<String, LongAdder> errorKinds = new ConcurrentHashMap<String, LongAdder>()

  // What the last call of this thread brought. Status 0: no answer came.
  int status
  Map answer
  String failure
  long startedMs
  long tookNanos
  int answerBytes

  /** From the parameter, else from the file: the parameter has room for 50 characters, and for no colon. */
  static void readSettings(List<String> own) {
    settings = [:]
    InputStream file = TestRunner.class.classLoader.getResourceAsStream(SETTINGS_FILE)
    if (file != null) {
      Properties lines = new Properties()
      Reader reader = new InputStreamReader(file, StandardCharsets.UTF_8)
      try {
        lines.load(reader)
      } catch (IOException | IllegalArgumentException e) {
        throw refusal("${SETTINGS_FILE} cannot be read: ${e.message}")
      } finally {
        reader.close()
      }
      for (String key : lines.stringPropertyNames()) {
        if (!KEYS.contains(key)) {
          throw refusal("${SETTINGS_FILE} has an unknown key${shown(key)}; there are ${KEYS.join(', ')}")
        }
        settings[key] = lines.getProperty(key).trim()
      }
    }
    Set<String> given = new HashSet<String>()
    int place = 0
    for (String entry : GrinderUtils.getParam("").split(",")) {
      place++
      if (entry.trim().isEmpty()) continue
      int equals = entry.indexOf("=")
      if (equals < 1) throw refusal("entry ${place} of the parameter is not key=value")
      String key = entry.substring(0, equals).trim()
      if (!own.contains(key)) {
        throw refusal("entry ${place} of the parameter has an unknown key${shown(key)}; "
            + "this script takes ${own.join(', ')}")
      }
      if (!given.add(key)) throw refusal("${key} stands twice in the parameter")
      settings[key] = entry.substring(equals + 1).trim()
    }
    settings.keySet().retainAll(own)
    for (Map.Entry<String, String> setting : settings.entrySet()) {
      if (setting.value.isEmpty()) throw refusal("${setting.key} has no value")
    }
    target = address("target", null)
    crowd = nameOfThisCrowd()
    HTTPRequestControl.setConnectionTimeout(CONNECT_MS)
    HTTPRequestControl.setSocketTimeout(ANSWER_MS)
    request = new HTTPRequest()
  }

  // What looks like no key may be a token whose "token=" was forgotten.
  static String shown(String key) { return key ==~ /[A-Za-z]{1,12}/ ? " '" + key + "'" : "" }

  /** One line that names what is wrong; thrown in @BeforeProcess it ends the test before the first call. */
  static IllegalArgumentException refusal(CharSequence line) {
    grinder.logger.error("TimeAttack: {}", line.toString())
    IllegalArgumentException e = new IllegalArgumentException("TimeAttack: " + line)
    e.setStackTrace(new StackTraceElement[0])
    return e
  }

  static String required(String key) {
    String value = settings[key]
    if (value == null) throw refusal("${key} is missing: give it in the parameter or in ${SETTINGS_FILE}")
    return value
  }

  static int whole(String key, int least, int most, Integer otherwise) {
    String text = otherwise == null ? required(key) : settings[key]
    if (text == null) return otherwise
    if (!(text ==~ /[0-9]{1,10}/) || text.toLong() < least || text.toLong() > most) {
      throw refusal("${key}=${text} is not a whole number from ${least} to ${most}")
    }
    return text.toInteger()
  }

  /** HOST|PORT, as the parameter's field refuses a colon; elsewhere HOST:PORT or http://HOST:PORT. */
  static String address(String key, String hostOfBarePort) {
    String text = required(key)
    Matcher m = text =~ /^(?:http:\/\/)?([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])[:|]([0-9]{1,5})\/?$/
    String host = null
    String port = null
    if (hostOfBarePort != null && text ==~ /[0-9]{1,5}/) {
      host = hostOfBarePort
      port = text
    } else if (m.matches()) {
      host = m.group(1)
      port = m.group(2)
    }
    if (port == null || port.toInteger() < 1 || port.toInteger() > 65535) {
      String bare = hostOfBarePort == null ? "" : "PORT, "
      throw refusal("${key}=${text} is not ${bare}HOST|PORT, HOST:PORT or http://HOST:PORT")
    }
    return "http://" + host + ":" + port
  }

  /** nGrinder numbers its tests, and a new test is a new crowd; elsewhere the clock tells crowds apart. */
  static String nameOfThisCrowd() {
    String id = grinder.properties.getProperty("grinder.test.id", "").replaceFirst("^test_", "")
    if (id.isEmpty()) return "v" + Long.toString(System.currentTimeMillis(), 36)
    return "t" + id.replaceAll("[^A-Za-z0-9._-]", "-").take(20)
  }

  // An agent without a controller calls itself -1.
  static int agentNumber() { return Math.max(0, grinder.agentNumber) }

  // The engine numbers processes over an agent's whole life.
  static int processNumber() { return grinder.processNumber - grinder.firstProcessNumber }

  /** A new person for each run of each thread of each process of each agent of each test. */
  static String newPerson() {
    return crowd + "a" + agentNumber() + "p" + processNumber() +
        "t" + grinder.threadNumber + "r" + grinder.runNumber
  }

  /** A call beside the load: what must be known before anybody comes, and the operator's switches. */
  static Map beside(String method, String url, String token, String body) throws IOException {
    HttpURLConnection connection = (HttpURLConnection) new URL(url).openConnection(Proxy.NO_PROXY)
    connection.requestMethod = method
    connection.connectTimeout = CONNECT_MS
    connection.readTimeout = ANSWER_MS
    if (token != null) connection.setRequestProperty("Authorization", "Bearer " + token)
    if (body != null) {
      connection.doOutput = true
      connection.setRequestProperty("Content-Type", "application/json")
      connection.outputStream.write(body.getBytes(StandardCharsets.UTF_8))
    }
    int code = connection.responseCode
    InputStream stream = code < 400 ? connection.inputStream : connection.errorStream
    String text = stream == null ? "" : stream.getText("UTF-8")
    return [status: code, body: parsed(text)]
  }

  static Map besideOrRefuse(String key, String url, String token) {
    try {
      return beside("GET", url, token, null)
    } catch (IOException | SecurityException e) {
      throw refusal("${key}: ${url} does not answer (${e.class.simpleName}: ${e.message})")
    }
  }

  /** The JSON object in a body; empty where it is none, which no check of an answer accepts. */
  static Map parsed(String body) {
    try {
      Object json = new JsonSlurper().parseText(body)
      return json instanceof Map ? (Map) json : [:]
    } catch (JsonException | IllegalArgumentException e) {
      return [:]
    }
  }

  /** One call of the load, as nGrinder's own client makes it, measured here. */
  void send(String method, String path, Map<String, String> headers) {
    status = 0
    answer = [:]
    failure = null
    answerBytes = 0
    HTTPResponse response = null
    startedMs = System.currentTimeMillis()
    long start = System.nanoTime()
    try {
      // Headers go with the call: the request object is shared by all threads of the process.
      response = method == "POST"
          ? request.POST(target + path, [:], headers)
          : request.GET(target + path, [:], headers)
    } catch (RuntimeException e) {
      Throwable cause = e
      while (cause.cause != null) cause = cause.cause
      failure = cause.class.simpleName
    }
    tookNanos = System.nanoTime() - start
    if (response == null) return
    status = response.statusCode
    answerBytes = response.bodyBytes.length
    answer = parsed(response.getBodyText(StandardCharsets.UTF_8))
  }

  /**
   * In @BeforeThread: calls that nobody counts. Every test starts new JVMs, whose first calls are slow, and the first
   * calls of a surge are the winners'. A few hundred a process do, and each thread opens its connection with them.
   */
  void warmUp(String path) {
    int calls = Math.max(2, 400.intdiv(grinder.properties.getInt("grinder.threads", 1)))
    for (int i = 0; i < calls; i++) send("GET", path, [:])
  }

  /** What is wrong with the answer, in a few words that can be counted. */
  String wrongAnswer() {
    if (failure != null) return "no answer: " + failure
    Object code = answer.code
    return status + " " + (code instanceof String && code ==~ /[a-z0-9-]{1,40}/ ? code : "with another body")
  }

  /** The first of a kind are shown, the rest are counted: ten thousand lines tell no more than three. */
  static void countError(String kind, String person) {
    LongAdder count = errorKinds.get(kind)
    if (count == null) {
      errorKinds.putIfAbsent(kind, new LongAdder())
      count = errorKinds.get(kind)
    }
    count.increment()
    if (count.sum() <= 3) grinder.logger.warn("TimeAttack: {} for {}", kind, person)
  }
  // ==== end of shared: settings and calls ==================================================================

  // ==== shared: stays ======================================================================================
  // The same text stands in platform and mixed.

  static List<Number> stayIds
  static Map<String, GTest> stayTests

  // A visit has three steps, and a run makes one of them, so that a run is one call here as it is in the surge.
  int step
  Number chosen

  static void prepareStays() {
    Map list = besideOrRefuse("target", target + "/v1/stays", null)
    stayIds = []
    if (list.status == 200 && list.body.stays instanceof List) {
      for (Object stay : list.body.stays) {
        if (stay instanceof Map && stay.stayId instanceof Number) stayIds.add(stay.stayId)
      }
    }
    if (stayIds.isEmpty()) {
      throw refusal("target: ${target} answered ${list.status} without stays to GET /v1/stays")
    }
    stayTests = [stays: new GTest(11, "stays"), stay: new GTest(12, "stay"), booking: new GTest(13, "booking")]
  }

  /** In @BeforeThread. The test is known before the call, so the call itself is what is recorded. */
  void recordStays() {
    for (Map.Entry<String, GTest> test : stayTests.entrySet()) test.value.record(this, test.key)
    grinder.statistics.delayReports = true
    warmUp("/v1/stays")
  }

  void stays() { send("GET", "/v1/stays", [:]) }
  void stay() { send("GET", "/v1/stays/" + chosen, [:]) }
  void booking(String person) { send("POST", "/v1/stays/" + chosen + "/bookings", ["X-User-Id": person]) }

  /** One run: the next step of this thread's visit. */
  void visit(String person) {
    boolean right
    if (step == 0) {
      stays()
      right = status == 200 && answer.stays instanceof List && !answer.stays.isEmpty()
      chosen = stayIds[ThreadLocalRandom.current().nextInt(stayIds.size())]
    } else if (step == 1) {
      stay()
      right = status == 200 && answer.stayId == chosen
    } else {
      booking(person)
      // A full house is a right answer, as a sold-out day is.
      right = status == 201 && answer.stayId == chosen && answer.userId == person && answer.bookingId instanceof Number
      right = right || status == 409 && answer.code == "no-rooms-left"
    }
    step = (step + 1) % 3
    if (!right) {
      countError(wrongAnswer(), person)
      grinder.statistics.forLastTest.success = false
    }
    grinder.statistics.report()
  }
  // ==== end of shared: stays ===============================================================================
}

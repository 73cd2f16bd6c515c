import static net.grinder.script.Grinder.grinder

import groovy.json.JsonException
import groovy.json.JsonSlurper
import java.lang.reflect.Field
import java.nio.charset.StandardCharsets
import java.util.concurrent.ConcurrentHashMap
import java.util.concurrent.ThreadLocalRandom
import java.util.concurrent.atomic.LongAdder
import java.util.regex.Matcher
import net.grinder.script.GTest
import net.grinder.script.Statistics.StatisticsForTest
import net.grinder.scriptengine.groovy.junit.GrinderRunner
import net.grinder.scriptengine.groovy.junit.annotation.AfterProcess
import net.grinder.scriptengine.groovy.junit.annotation.AfterThread
import net.grinder.scriptengine.groovy.junit.annotation.BeforeProcess
import net.grinder.scriptengine.groovy.junit.annotation.BeforeThread
import net.grinder.util.GrinderUtils
import org.junit.Test
import org.junit.runner.RunWith
import org.ngrinder.http.HTTPRequest
import org.ngrinder.http.HTTPRequestControl
import org.ngrinder.http.HTTPResponse

/**
 * The flash crowd, and in the midst of it the database goes away. One thread of the whole test switches the outage on
 * and off through the operator's listener; everybody else is coupon-surge.
 *
 * Parameter: target, policy, again, history, operator, token, from, for. The token belongs in the file beside the
 * script: nGrinder logs the parameter.
 * Tests: those of coupon-surge, and "outage on" and "outage off", whose seconds in the CSV are those of the switch.
 */
@RunWith(GrinderRunner)
class TestRunner {
  static String operator
  static String token
  static int fromSeconds
  static int forSeconds
  static GTest onTest
  static GTest offTest

  // Of the one thread that holds the switch.
  boolean switching
  boolean outage

  @BeforeProcess
  static void beforeProcess() {
    readSettings(["target", "policy", "again", "history", "operator", "token", "from", "for"])
    operator = address("operator", new URL(target).host)
    token = settings.token
    if (token == null) throw refusal("operator is given but token is missing: it belongs in ${SETTINGS_FILE}")
    if (!(token ==~ /[!-~]{1,256}/)) throw refusal("token has characters that a header cannot carry, or too many")
    fromSeconds = whole("from", 0, 3600, 10)
    forSeconds = whole("for", 1, 3500, 10)
    prepareCoupons()
    // Now rather than at the stated second: is this the operator's listener, and is the token right?
    Map fault = besideOrRefuse("operator", operator + "/admin/faults/database", token)
    if (fault.status == 401) throw refusal("operator: ${operator} does not accept the token")
    if (fault.status != 200) {
      throw refusal("operator: ${operator} answered ${fault.status} to GET /admin/faults/database")
    }
    onTest = new GTest(21, "outage on")
    offTest = new GTest(22, "outage off")
  }

  @BeforeThread
  void beforeThread() {
    recordCoupons()
    onTest.record(this, "outageOn")
    offTest.record(this, "outageOff")
    // The editor's validation runs this script too, and must not break the database of whoever edits it.
    boolean validation = grinder.properties.getBoolean("grinder.script.validation", false)
    switching = !validation && agentNumber() == 0 && processNumber() == 0 && grinder.threadNumber == 0
  }

  @Test
  void test() {
    if (switching) {
      switching = false
      haveOutage()
    }
    comeForCoupon(newPerson())
  }

  /** This thread asks for no coupon until the outage is over: a slow answer would move the seconds. */
  void haveOutage() {
    long start = System.currentTimeMillis()
    sleepUntil(start + fromSeconds * 1000L)
    long on = System.currentTimeMillis()
    outage = true
    outageOn()
    reportSwitch()
    sleepUntil(on + forSeconds * 1000L)
    outageOff()
    reportSwitch()
  }

  // Without the second argument nGrinder's settings would vary the time by up to a fifth.
  static void sleepUntil(long due) {
    for (long left = due - System.currentTimeMillis(); left > 0; left = due - System.currentTimeMillis()) {
      grinder.sleep(left, 0L)
    }
  }

  void outageOn() {
    // If this process dies before it switches off, the database comes back by itself a little later.
    switchTo("PUT", '{"kind":"outage","ttlSeconds":' + (forSeconds + 5) + '}')
  }

  void outageOff() {
    if (switchTo("DELETE", null)) outage = false
  }

  boolean switchTo(String method, String body) {
    String trouble
    try {
      Map done = beside(method, operator + "/admin/faults/database", token, body)
      trouble = done.status == 200 ? null : "answered " + done.status + " " + (done.body.code ?: "")
    } catch (IOException e) {
      trouble = "did not answer: " + e.class.simpleName
    }
    failure = trouble
    if (trouble == null) grinder.logger.info("TimeAttack: {} of the database outage done", method)
    else grinder.logger.error("TimeAttack: {} of the database outage: the operator {}", method, trouble)
    return trouble == null
  }

  void reportSwitch() {
    if (failure != null) grinder.statistics.forLastTest.success = false
    grinder.statistics.report()
  }

  /** The test may be over before the outage is. Not recorded: the engine refuses that by now. */
  @AfterThread
  void afterThread() {
    if (outage) switchTo("DELETE", null)
  }

  @AfterProcess
  static void afterProcess() {
    finishCoupons()
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

  // ==== shared: coupons ====================================================================================
  // The same text stands in coupon-surge, outage and mixed.

  static final List<String> OUTCOMES = ["winner", "again", "soldOut", "failed", "notOpen"]

  static int policy
  static int againPercent
  static Map<String, GTest> couponTests
  static Writer history
  static String historyFile

  static final LongAdder foundByRetry = new LongAdder()
  static final Map<String, LongAdder> calls = new ConcurrentHashMap<String, LongAdder>()
  static final Map<String, LongAdder> nanos = new ConcurrentHashMap<String, LongAdder>()

  // Where the engine keeps the times of the last call; null where it does not let us at them.
  static Field lastContext
  static Field contextStart
  static Field contextTime

  // Who had no usable answer in this thread's last run.
  String unanswered

  static void prepareCoupons() {
    policy = whole("policy", 1, Integer.MAX_VALUE, null)
    againPercent = whole("again", 0, 100, 10)
    String keep = settings.history ?: "no"
    if (!["yes", "no"].contains(keep)) throw refusal("history=${keep} is neither yes nor no")

    Map found = besideOrRefuse("target", target + "/v1/policies/" + policy, null)
    Map today = found.body.today instanceof Map ? (Map) found.body.today : [:]
    if (found.body.code == "no-such-policy") throw refusal("policy=${policy} does not exist at ${target}")
    if (found.status != 200 || found.body.policyId != policy || !(today.isOpen instanceof Boolean)) {
      String said = found.status + " " + (found.body.code ?: "")
      throw refusal("target: ${target} answered ${said} to GET /v1/policies/${policy}")
    }
    if (!today.isOpen) {
      throw refusal("policy=${policy} is not open now; it opens next at ${today.nextOpeningAt ?: 'no time any more'}")
    }
    grinder.logger.info("TimeAttack: policy {} had issued {} of {} when this process began",
        policy, today.issued, today.quota)

    for (String outcome : OUTCOMES) {
      calls[outcome] = new LongAdder()
      nanos[outcome] = new LongAdder()
    }
    findWhereTimesAre()
    if (lastContext == null) {
      couponTests = [coupon: new GTest(6, "coupon")]
    } else {
      couponTests = [winner: new GTest(1, "winner 201"), again: new GTest(2, "retry 200"),
                     soldOut: new GTest(3, "sold out 409"), failed: new GTest(4, "error"),
                     notOpen: new GTest(5, "not open 403")]
    }
    if (keep == "yes") openHistory()
  }

  /**
   * Which test a call belongs to is known only after its answer, but the engine times a test while it runs and
   * has no call to set the time. So the test is an empty method, recorded after the answer, and its pending report
   * is given the true times. That takes private fields; an engine without them gets one test for all calls.
   */
  static void findWhereTimesAre() {
    try {
      Class statistics = grinder.statistics.getClass()
      if (statistics.name != "net.grinder.engine.process.ScriptStatisticsImplementation") {
        throw new ClassNotFoundException(statistics.name)
      }
      ClassLoader engine = statistics.classLoader
      String inside = "net.grinder.engine.process."
      Class last = Class.forName(inside + "StatisticsForTestImplementation", true, engine)
      Class recorder = Class.forName(inside + "TestData\$TestRecorder", true, engine)
      Field context = last.getDeclaredField("m_dispatchContext")
      Field start = recorder.getDeclaredField("m_startTime")
      Field time = recorder.getDeclaredField("m_dispatchTime")
      for (Field field : [context, start, time]) field.setAccessible(true)
      if (start.type != long.class || time.type != long.class) throw new NoSuchFieldException("other types")
      contextStart = start
      contextTime = time
      lastContext = context
    } catch (Exception e) {
      grinder.logger.warn("TimeAttack: all calls go under the one test 'coupon', with no line for each outcome: "
          + "this engine does not let a call's test be chosen after its answer ({})", e.toString())
    }
  }

  /** In @BeforeThread: which empty method stands for which test. */
  void recordCoupons() {
    for (Map.Entry<String, GTest> test : couponTests.entrySet()) test.value.record(this, test.key)
    grinder.statistics.delayReports = true
    warmUp("/v1/policies/" + policy)
  }

  void winner() { }
  void again() { }
  void soldOut() { }
  void failed() { }
  void notOpen() { }

  // Only where an outcome cannot have a test of its own: the call itself is what is recorded.
  void coupon(String person) { sendForCoupon(person) }

  void sendForCoupon(String person) { send("POST", "/v1/policies/" + policy + "/coupons", ["X-User-Id": person]) }

  /** One run: whoever is still owed an answer, then somebody new, and some of the winners once more. */
  void comeForCoupon(String person) {
    String retrying = unanswered
    unanswered = null
    if (retrying != null) ask(retrying, "afterTrouble", null)
    String couponId = ask(person, "first", null)
    if (couponId != null && ThreadLocalRandom.current().nextInt(100) < againPercent) {
      ask(person, "afterWinning", couponId)
    }
  }

  /** Asks, keeps the history, records under the right test. Returns the coupon that was just won. */
  String ask(String person, String occasion, String held) {
    if (lastContext == null) coupon(person) else sendForCoupon(person)
    String couponId = couponIn(answer, person)
    String problem = null
    String outcome = "failed"
    if (status == 201 && couponId != null) {
      if (held == null) outcome = "winner" else problem = "201 for somebody who holds a coupon"
    } else if (status == 200 && couponId != null) {
      if (occasion == "first") problem = "200 at the first question (of an earlier test? take a new policy)"
      else if (held != null && held != couponId) problem = "200 with another coupon than before"
      else outcome = "again"
      if (outcome == "again" && held == null) foundByRetry.increment()
    } else if (status == 409 && answer.code == "sold-out") {
      if (held == null) outcome = "soldOut" else problem = "409 sold-out for somebody who holds a coupon"
    } else if (status == 403 && answer.code == "not-open" && held == null) {
      outcome = "notOpen"
    } else {
      problem = wrongAnswer()
      // A retry is safe by contract and gets the right answer; one is made, and the person gives up.
      if (occasion == "first" && (status == 0 || status >= 500)) unanswered = person
    }
    if (problem != null) countError(problem, person)
    calls[outcome].increment()
    nanos[outcome].add(tookNanos)
    // Before the report: at the end of a test the engine refuses reports, and this answer was still given.
    remember(person, status, couponId)
    report(outcome)
    return outcome == "winner" ? couponId : null
  }

  /** The number of the coupon in an answer, if it is one of this policy and this person. */
  static String couponIn(Map body, String person) {
    boolean theirs = body.policyId == policy && body.userId == person
    return theirs && body.couponId instanceof String && body.couponId ==~ /[0-9a-f]{32}/ ? body.couponId : null
  }

  void report(String outcome) {
    if (lastContext != null) {
      // The engine counts a call by the empty method that stands for its outcome …
      if (outcome == "winner") winner()
      else if (outcome == "again") again()
      else if (outcome == "soldOut") soldOut()
      else if (outcome == "notOpen") notOpen()
      else failed()
    }
    StatisticsForTest last = grinder.statistics.forLastTest
    if (outcome == "failed") last.success = false
    if (lastContext != null) {
      // … and takes these times for it. Rounded, as times below a millisecond are the rule here.
      Object context = lastContext.get(last)
      contextStart.setLong(context, startedMs)
      contextTime.setLong(context, Math.round(tookNanos / 1e6d))
      last.setLong("httpplugin.responseLength", answerBytes)
    }
    grinder.statistics.report()
  }

  // An agent empties the working folder for the next test and deletes the log folder; the temporary one stays.
  static void openHistory() {
    String name = "history-a" + agentNumber() + "-p" + processNumber() + ".csv"
    String test = grinder.properties.getProperty("grinder.test.id", "")
    File folder = new File(test.isEmpty() ? "" : System.getProperty("java.io.tmpdir") + "/timeattack/" + test)
    File file = new File(folder.absoluteFile, name)
    try {
      folder.mkdirs()
      OutputStream stream = new FileOutputStream(file)
      history = new BufferedWriter(new OutputStreamWriter(stream, StandardCharsets.US_ASCII), 65536)
      history.write("person,status,couponId\n")
    } catch (IOException | SecurityException e) {
      throw refusal("history: cannot write ${file} (${e.message})")
    }
    historyFile = file.path
  }

  static synchronized void remember(String person, int status, String couponId) {
    if (history == null) return
    String coupon = couponId != null && (status == 200 || status == 201) ? couponId : ""
    try {
      history.write(person + "," + status + "," + coupon + "\n")
    } catch (IOException e) {
      history = null
      grinder.logger.error("TimeAttack: {} is not complete and cannot be verified: {}", historyFile, e.message)
    }
  }

  static synchronized void closeHistory() {
    if (history == null) return
    try {
      history.close()
      grinder.logger.info("TimeAttack: history in {}", historyFile)
    } catch (IOException e) {
      grinder.logger.error("TimeAttack: {} is not complete and cannot be verified: {}", historyFile, e.message)
    }
    history = null
  }

  /** In @AfterProcess. */
  static void finishCoupons() {
    if (calls.isEmpty()) return
    closeHistory()
    StringBuilder line = new StringBuilder()
    for (String outcome : OUTCOMES) {
      long n = calls[outcome].sum()
      line.append(outcome).append(" ").append(n)
      if (n > 0) line.append(String.format(Locale.ROOT, " (mean %.2f ms)", nanos[outcome].sum() / 1e6d / n))
      line.append(", ")
    }
    grinder.logger.info("TimeAttack: {}coupons found by a retry {}, errors {}",
        line.toString(), foundByRetry.sum(), errorKinds)
  }
  // ==== end of shared: coupons =============================================================================
}

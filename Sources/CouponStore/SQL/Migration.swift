/// The statements that create the tables, by version. A released version never changes; the next version
/// follows it.
///
/// Business rules are not here: the tables enforce only uniqueness and required columns. `coupon` and
/// `coupon_event` have no foreign keys: each would lock the policy's row again for every coupon.
enum Migration {
  static let all: [[String]] = [first, [couponKey]]

  static let makeRankIndex = "CREATE UNIQUE INDEX IF NOT EXISTS coupon_rank ON coupon (policy_id, day, rank)"
  static let dropRankIndex = "DROP INDEX IF EXISTS coupon_rank"

  /// One row at most.
  private static let couponKey = """
    CREATE TABLE coupon_key (
      is_only boolean PRIMARY KEY DEFAULT true CHECK (is_only),
      hash bytea NOT NULL)
    """

  private static let first = policies + coupons + log + bystander

  private static let policies = [
    """
    CREATE TABLE policy (
      policy_id integer PRIMARY KEY,
      name text NOT NULL,
      starts_on date NOT NULL,
      ends_on date NOT NULL,
      opens_at time(0) NOT NULL,
      time_zone text NOT NULL,
      daily_quota integer NOT NULL,
      per_person text NOT NULL)
    """,
    // Half of each page stays free, so that new versions of a hot row stay beside the old ones and touch no
    // index.
    """
    CREATE TABLE policy_day (
      policy_id integer NOT NULL REFERENCES policy,
      day date NOT NULL,
      quota integer NOT NULL,
      issued integer NOT NULL DEFAULT 0,
      PRIMARY KEY (policy_id, day)) WITH (fillfactor = 50)
    """,
  ]

  private static let coupons = [
    // The coupon's id is derived from the primary key; a second index on it would add nothing.
    """
    CREATE TABLE coupon (
      coupon_id text NOT NULL,
      policy_id integer NOT NULL,
      user_id text COLLATE "C" NOT NULL,
      period date NOT NULL,
      day date NOT NULL,
      rank integer,
      issued_at timestamptz NOT NULL,
      event_id text NOT NULL,
      PRIMARY KEY (policy_id, user_id, period))
    """,
    """
    CREATE TABLE coupon_event (
      sequence bigint GENERATED ALWAYS AS IDENTITY,
      event_id text NOT NULL UNIQUE,
      policy_id integer NOT NULL,
      day date,
      user_id text COLLATE "C",
      rank integer,
      type text NOT NULL,
      payload bytea NOT NULL,
      recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
      PRIMARY KEY (policy_id, sequence))
    """,
    // A trigger, because a table's owner keeps rights that REVOKE takes from others. It costs inserts
    // nothing.
    """
    CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $body$
    BEGIN
      RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'object_not_in_prerequisite_state';
    END $body$
    """,
    """
    CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON coupon_event
      FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()
    """,
  ]

  private static let log = [
    """
    CREATE TABLE consumer_offset (
      topic text NOT NULL,
      partition integer NOT NULL,
      next_offset bigint NOT NULL,
      first_hash bytea,
      PRIMARY KEY (topic, partition)) WITH (fillfactor = 50)
    """,
    """
    CREATE TABLE dead_letter (
      topic text NOT NULL,
      partition integer NOT NULL,
      "offset" bigint NOT NULL,
      reason text NOT NULL,
      payload bytea NOT NULL,
      recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
      PRIMARY KEY (topic, partition, "offset"))
    """,
  ]

  private static let bystander = [
    """
    CREATE TABLE stay (
      stay_id bigint PRIMARY KEY,
      name text NOT NULL,
      city text NOT NULL,
      rooms_left integer NOT NULL CHECK (rooms_left >= 0)) WITH (fillfactor = 50)
    """,
    """
    CREATE TABLE booking (
      booking_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
      stay_id bigint NOT NULL REFERENCES stay,
      user_id text COLLATE "C" NOT NULL,
      booked_at timestamptz NOT NULL DEFAULT clock_timestamp())
    """,
    // Enough rooms for a long load; the last stay has few, to show a full house.
    """
    INSERT INTO stay (stay_id, name, city, rooms_left) VALUES
      (1, 'Haeundae Ocean Hotel', 'Busan', 1000000),
      (2, 'Bukchon Hanok House', 'Seoul', 1000000),
      (3, 'Aewol Stone Cottage', 'Jeju', 1000000),
      (4, 'Gyeongpo Pine Resort', 'Gangneung', 1000000),
      (5, 'Bomun Lake Pension', 'Gyeongju', 1000000),
      (6, 'Ulleung Lighthouse Rooms', 'Ulleung', 3)
    """,
  ]
}

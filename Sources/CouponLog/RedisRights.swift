/// The least that `eda api` needs on Redis, as rules of an access control list; the same as in docs/security.md.
package enum RedisRights {
  package static func rules(for strategy: EDAStrategy) -> String {
    "resetkeys ~timeattack:* resetchannels -@all +auth +hello +client|setname +ping +select "
      + "+multi +exec +scard +sadd +srem +sscan +expireat +cluster|slots +asking" + more(strategy)
  }

  private static func more(_ strategy: EDAStrategy) -> String {
    switch strategy {
    case .log, .redis(.transaction, _): ""
    case .redis(.scardThenSadd, _): " +sismember"
    case .redis(.watch, _): " +sismember +watch +unwatch"
    case .redis(.lua, _): " +sismember +evalsha +script|load"
    }
  }
}

package import CouponAPI
import CouponCalendar
import CouponStore
import Postgres

extension ServiceTrouble {
  /// The tables may be a newer program's or another strategy's; nothing is read from them or written.
  package static let tablesUnknown = ServiceTrouble.unavailable(
    reason: "The tables are not prepared yet; nothing was done.")

  /// Maps a failed database call to what it means for the request. Clients see the reasons: they name no
  /// host.
  package init(_ error: any Error) {
    switch error {
    case PostgresError.commitUnknown:
      self = .outcomeUnknown(reason: "The database did not confirm the change.")
    case PostgresError.poolFull: self = .unavailable(reason: "Too many requests wait for the database.")
    case PostgresError.deadline: self = .unavailable(reason: "The database did not answer in time.")
    case PostgresError.unavailable: self = .unavailable(reason: "The database is not available.")
    case PostgresError.server: self = .unavailable(reason: "The database refused; nothing was changed.")
    case let error as SchemaError: self = .unavailable(reason: "The tables cannot be used: \(error).")
    case is UnknownTimeZone: self = .unavailable(reason: "The policy's time zone is unknown here.")
    default: self = .unavailable(reason: "The request could not be carried out; nothing was changed.")
    }
  }
}

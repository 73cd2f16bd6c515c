import EventLoop
import Foundation
import PrivateServers
import Synchronization

/// A small shell beside this process that cleans up when this process has gone, in whatever way it went: ends the servers
/// and removes the folders that it was told of. It learns of the end by its standard input, which nobody else holds open.
@LoopActor
final class Watchdog {
  private let descriptor: Int32

  /// What the end of a process that ends by itself closes and waits for.
  private nonisolated static let atExit = Mutex<[(descriptor: Int32, pid: pid_t)]>([])

  /// A process is told as `server PID SIGNAL BEGINNING`; a number that somebody else has by now is left alone. That
  /// signal comes first (PostgreSQL's SIGQUIT also gives back its shared memory), SIGKILL for the process and its
  /// children after 5 s. What was stopped is continued, else it would hear nothing.
  private static let script = """
    trap '' INT TERM HUP
    servers= folders=
    tree() {
      if [ -r /proc/self/stat ]; then cat /proc/[0-9]*/stat 2>/dev/null | sed 's/^\\([0-9]*\\) (.*) . \\([0-9]*\\) .*/\\1 \\2/'
      else ps -A -o pid= -o ppid=; fi | while read -r child parent; do [ "$parent" = "$1" ] && echo "$child"; done
      echo "$1"
    }
    ours() {
      [ -r /proc/self/stat ] || return 0
      [ "$(sed 's/.*) //' "/proc/$1/stat" 2>/dev/null | cut -d ' ' -f 20)" = "${2##*+}" ]
    }
    while read -r word pid rest began; do
      case $word in
        server) servers="$servers $pid:$rest:$began" ;;
        gone) left=; for s in $servers; do [ "${s%%:*}" = "$pid" ] || left="$left $s"; done; servers=$left ;;
        folder) folders="$folders $pid" ;;
      esac
    done
    all= left=
    for s in $servers; do ours "${s%%:*}" "${s##*:}" && left="$left ${s%:*}"; done
    servers=$left
    for s in $servers; do all="$all $(tree "${s%%:*}")"; done
    for p in $all; do kill -CONT "$p" 2>/dev/null; done
    for s in $servers; do kill -"${s##*:}" "${s%%:*}" 2>/dev/null; done
    for wait in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25; do
      alive=; for p in $all; do kill -0 "$p" 2>/dev/null && alive=yes; done
      [ -n "$alive" ] || break
      sleep 0.2
    done
    for p in $all; do kill -KILL "$p" 2>/dev/null; done
    for f in $folders; do case $f in /*/timeattack-*) rm -rf -- "$f" ;; esac; done
    """

  init() throws {
    var ends: [Int32] = [-1, -1]
    guard pipe(&ends) == 0 else { throw SocketError("pipe") }
    for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    defer { close(ends[0]) }
    let pid = try Watchdog.spawn(input: ends[0])
    descriptor = ends[1]
    Watchdog.waitAtExit(descriptor: ends[1], pid)
  }

  func watch(_ process: RunningProcess, signal: String) {
    tell("server \(process.pid) \(signal) \(process.began)")
  }
  func forget(_ process: RunningProcess) { tell("gone \(process.pid)") }
  func remove(folder: String) { tell("folder \(folder)") }

  /// So that nothing is left when whoever ran the tests goes on.
  private nonisolated static func waitAtExit(descriptor: Int32, _ pid: pid_t) {
    let isFirst = atExit.withLock { all in
      all.append((descriptor, pid))
      return all.count == 1
    }
    guard isFirst else { return }
    atexit {
      for dog in Watchdog.atExit.withLock({ $0 }) {
        close(dog.descriptor)
        var status: Int32 = 0
        waitpid(dog.pid, &status, 0)
      }
    }
  }

  private func tell(_ line: String) {
    let bytes = Array((line + "\n").utf8)
    _ = bytes.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
  }

  /// In a process group of its own, so that what ends this one's group does not end it.
  private static func spawn(input: Int32) throws -> pid_t {
    #if canImport(Darwin)
      var actions: posix_spawn_file_actions_t?
      var attributes: posix_spawnattr_t?
    #else
      var actions = posix_spawn_file_actions_t()
      var attributes = posix_spawnattr_t()
    #endif
    posix_spawn_file_actions_init(&actions)
    posix_spawnattr_init(&attributes)
    defer {
      posix_spawn_file_actions_destroy(&actions)
      posix_spawnattr_destroy(&attributes)
    }
    posix_spawn_file_actions_adddup2(&actions, input, 0)
    posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0)
    posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0)
    posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETPGROUP))
    var arguments: [UnsafeMutablePointer<CChar>?] = [strdup("sh"), strdup("-c"), strdup(script), nil]
    defer { for argument in arguments { free(argument) } }
    var environment: [UnsafeMutablePointer<CChar>?] = [strdup("PATH=/usr/bin:/bin:/usr/sbin:/sbin"), nil]
    defer { for variable in environment { free(variable) } }
    var pid: pid_t = 0
    let status = posix_spawn(&pid, "/bin/sh", &actions, &attributes, &arguments, &environment)
    guard status == 0 else { throw SocketError("posix_spawn /bin/sh", code: status) }
    return pid
  }
}

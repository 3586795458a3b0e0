// SPDX-License-Identifier: Apache-2.0
//
// Program: a process under test, its output and its end. The suite runs natively and starts the
// native program, or the Windows one through tools/wine-run (tests/wire/run-windows); environment
// variables say which:
//   SLUICE_PROGRAM   the program; default: sluice in the build's bin folder
//   SLUICE_LAUNCHER  words put before it, separated by spaces
//   SLUICE_PATIENCE  factor for deadlines; default 1
// One thread uses a Program; a thread of its own collects the output.
#ifndef SLUICE_TESTS_WIRE_PROGRAM_H_
#define SLUICE_TESTS_WIRE_PROGRAM_H_

#include <sys/types.h>

#include <chrono>
#include <condition_variable>
#include <csignal>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace sluice::wire {

using Duration = std::chrono::milliseconds;
using TimePoint = std::chrono::steady_clock::time_point;

// `duration` times the patience that the environment asks for.
Duration Patiently(Duration duration);
inline TimePoint In(Duration duration) {
  return std::chrono::steady_clock::now() + Patiently(duration);
}
// True when a program runs under Wine: some waits differ, some counts too.
bool UnderWine();

class Program {
 public:
  // Its standard input: empty, or open until CloseInput.
  enum class Input { kNone, kOpen };
  // Starts any program, found through PATH.
  explicit Program(const std::vector<std::string>& words, Input input = Input::kNone);
  // Kills it if it still runs.
  ~Program();
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;

  // `sluice <words>`, launched as the environment says.
  static std::vector<std::string> Sluice(const std::vector<std::string>& words);

  pid_t pid() const { return pid_; }
  void Signal(int number);
  void CloseInput();
  bool running();
  // The exit code, or 128 + the signal that ended it; -1 if it did not end in time.
  int Wait(Duration limit);

  // Waits for the line `listening on ADDRESS`; the address, or "" if it never comes.
  std::string ListeningOn(Duration limit = Duration(20000));
  // Waits until standard output contains `text`.
  bool WaitForOutput(const std::string& text, Duration limit);
  // What was printed so far, without carriage returns.
  std::string out();
  std::string err();

 private:
  void Collect();
  void Reap();

  pid_t pid_ = -1;
  int in_pipe_ = -1;
  int out_pipe_ = -1;
  int err_pipe_ = -1;
  int status_ = 0;
  bool ended_ = false;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::string out_;
  std::string err_;
  bool stop_collecting_ = false;
  std::thread collector_;
};

// The value of `key=` in the first line of `text` that begins with `line`; -1 if there is none.
long long ValueOf(const std::string& text, const std::string& line, const std::string& key);
int CountLines(const std::string& text);

}  // namespace sluice::wire

#endif  // SLUICE_TESTS_WIRE_PROGRAM_H_

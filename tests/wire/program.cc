// SPDX-License-Identifier: Apache-2.0
#if !defined(_WIN32)

#include "tests/wire/program.h"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <sstream>

#include "engine/base/check.h"

extern char** environ;

namespace sluice::wire {
namespace {

const char* Environment(const char* name, const char* otherwise) {
  const char* value = std::getenv(name);
  return value == nullptr || *value == '\0' ? otherwise : value;
}

std::string Clean(std::string text) {
  text.erase(std::remove(text.begin(), text.end(), '\r'), text.end());
  return text;
}

}  // namespace

Duration Patiently(Duration duration) {
  return duration * std::atoi(Environment("SLUICE_PATIENCE", "1"));
}

bool UnderWine() { return std::strstr(Environment("SLUICE_LAUNCHER", ""), "wine") != nullptr; }

std::vector<std::string> Program::Sluice(const std::vector<std::string>& words) {
  std::vector<std::string> all;
  std::istringstream launcher(Environment("SLUICE_LAUNCHER", ""));
  for (std::string word; launcher >> word;) all.push_back(word);
  all.push_back(Environment("SLUICE_PROGRAM", SLUICE_BIN_DIR "/sluice"));
  all.insert(all.end(), words.begin(), words.end());
  return all;
}

Program::Program(const std::vector<std::string>& words, Input input) {
  int out[2];
  int err[2];
  SLUICE_CHECK(pipe2(out, O_CLOEXEC) == 0);
  SLUICE_CHECK(pipe2(err, O_CLOEXEC) == 0);
  int in[2] = {-1, -1};
  if (input == Input::kOpen) SLUICE_CHECK(pipe2(in, O_CLOEXEC) == 0);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  if (input == Input::kOpen) {
    posix_spawn_file_actions_adddup2(&actions, in[0], STDIN_FILENO);
  } else {
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  }
  posix_spawn_file_actions_adddup2(&actions, out[1], STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&actions, err[1], STDERR_FILENO);
  std::vector<char*> argv;
  for (const std::string& word : words) argv.push_back(const_cast<char*>(word.c_str()));
  argv.push_back(nullptr);
  const int result = posix_spawnp(&pid_, argv[0], &actions, nullptr, argv.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  if (in[0] >= 0) close(in[0]);
  in_pipe_ = in[1];
  close(out[1]);
  close(err[1]);
  out_pipe_ = out[0];
  err_pipe_ = err[0];
  if (result != 0) {
    pid_ = -1;
    ended_ = true;
    status_ = 127 << 8;
    err_ = "cannot start " + words[0] + ": " + std::strerror(result);
  }
  collector_ = std::thread([this] { Collect(); });
}

void Program::CloseInput() {
  if (in_pipe_ >= 0) close(in_pipe_);
  in_pipe_ = -1;
}

Program::~Program() {
  CloseInput();
  if (running()) {
    Signal(SIGKILL);
    Wait(Duration(10000));
  }
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    stop_collecting_ = true;
  }
  collector_.join();
  close(out_pipe_);
  close(err_pipe_);
}

// Not until end of file: Wine's helpers keep the pipes open after the program has ended.
void Program::Collect() {
  for (;;) {
    pollfd polls[2] = {{out_pipe_, POLLIN, 0}, {err_pipe_, POLLIN, 0}};
    const int ready = poll(polls, 2, 20);
    const std::lock_guard<std::mutex> lock(mutex_);
    if (ready <= 0 && stop_collecting_) return;
    bool open = false;
    for (int i = 0; i < 2; ++i) {
      if (polls[i].revents == 0) {
        open = true;
        continue;
      }
      char buffer[4096];
      const ssize_t got = read(polls[i].fd, buffer, sizeof(buffer));
      if (got > 0) (i == 0 ? out_ : err_).append(buffer, static_cast<std::size_t>(got));
      open = open || got > 0;
    }
    changed_.notify_all();
    if (!open) return;
  }
}

void Program::Signal(int number) {
  if (!ended_) kill(pid_, number);
}

void Program::Reap() {
  if (!ended_ && waitpid(pid_, &status_, WNOHANG) == pid_) ended_ = true;
}

bool Program::running() {
  Reap();
  return !ended_;
}

int Program::Wait(Duration limit) {
  const TimePoint deadline = In(limit);
  while (running()) {
    if (std::chrono::steady_clock::now() > deadline) return -1;
    std::this_thread::sleep_for(Duration(5));
  }
  // What it printed last may still be in the pipes.
  std::this_thread::sleep_for(Duration(50));
  if (WIFSIGNALED(status_)) return 128 + WTERMSIG(status_);
  return WEXITSTATUS(status_);
}

bool Program::WaitForOutput(const std::string& text, Duration limit) {
  const TimePoint deadline = In(limit);
  std::unique_lock<std::mutex> lock(mutex_);
  while (out_.find(text) == std::string::npos) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    changed_.wait_for(lock, Duration(50));
    if (out_.find(text) == std::string::npos && !running()) {
      lock.unlock();
      Wait(Duration(0));
      lock.lock();
      return out_.find(text) != std::string::npos;
    }
  }
  return true;
}

std::string Program::ListeningOn(Duration limit) {
  if (!WaitForOutput("listening on ", limit)) return "";
  WaitForOutput("\n", limit);
  const std::string text = out();
  const std::size_t begin = text.find("listening on ") + std::strlen("listening on ");
  return text.substr(begin, text.find('\n', begin) - begin);
}

std::string Program::out() {
  const std::lock_guard<std::mutex> lock(mutex_);
  return Clean(out_);
}

std::string Program::err() {
  const std::lock_guard<std::mutex> lock(mutex_);
  return Clean(err_);
}

long long ValueOf(const std::string& text, const std::string& line, const std::string& key) {
  std::istringstream lines(text);
  for (std::string one; std::getline(lines, one);) {
    if (one.rfind(line, 0) != 0) continue;
    std::istringstream words(one);
    for (std::string word; words >> word;) {
      if (word.rfind(key + "=", 0) == 0) return std::atoll(word.c_str() + key.size() + 1);
    }
  }
  return -1;
}

int CountLines(const std::string& text) {
  return static_cast<int>(std::count(text.begin(), text.end(), '\n'));
}

}  // namespace sluice::wire

#endif

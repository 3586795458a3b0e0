// SPDX-License-Identifier: Apache-2.0
//
// FakePlatform: a Platform that writes down what it is told and answers as a test says. Any thread.
#ifndef SLUICE_TESTS_CONTRACT_FAKE_PLATFORM_H_
#define SLUICE_TESTS_CONTRACT_FAKE_PLATFORM_H_

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <vector>

#include "engine/io/platform.h"

namespace sluice::contract {

class FakePlatform : public io::Platform {
 public:
  enum class Kind {
    kOpened,
    kBound,
    kListening,
    kClosing,
    kConnecting,
    kBeginSyn,
    kEndSyn,
    kConnected,
    kAccepted,
    kControl,
    kCancel
  };
  struct Event {
    Kind kind = Kind::kOpened;
    io::NativeHandle socket = io::kNoHandle;
    io::NativeHandle listener = io::kNoHandle;
    Address local;
    Address remote;
    OsError error;
  };

  // What is told, so far.
  std::vector<Event> events() const;
  std::vector<Event> events(io::NativeHandle socket) const;
  int count(Kind kind) const;
  int count(Kind kind, io::NativeHandle socket) const;

  // How Control answers. Called without any lock. Default: kUnknown.
  using Answer = std::function<io::ControlAnswer(const io::ControlRequest&, io::ControlReply*)>;
  void AnswerWith(Answer answer);
  // How OnConnecting decides. Default: go where you want.
  using Decide = std::function<io::ConnectDecision(const Address& remote)>;
  void DecideWith(Decide decide);

  // Puts a request on the list of pended ones; for use in an Answer.
  io::ControlAnswer Pend(const io::ControlRequest& request);
  // Waits until `n` requests are pended, from another thread.
  void WaitForPended(std::size_t n);
  // Waits until CancelControl was called `n` times, from another thread.
  void WaitForCancels(int n);
  std::size_t pended() const;
  // Completes the oldest pended request; false when there is none.
  bool CompleteOldest(const io::ControlReply& reply, const std::string& output = std::string());
  // When false, CancelControl only takes note; the request ends when the test says so.
  void ObeyCancel(bool obey);

  void OnOpened(io::NativeHandle socket, Family family) override;
  void OnBound(io::NativeHandle socket, const Address& local) override;
  void OnListening(io::NativeHandle socket, const Address& local, int backlog) override;
  void OnClosing(io::NativeHandle socket) override;
  io::ConnectDecision OnConnecting(io::NativeHandle socket, const Address& local,
                                   const Address& remote) override;
  void BeginSyn(io::NativeHandle socket) override;
  void EndSyn(io::NativeHandle socket, const Address& local) override;
  void OnConnected(io::NativeHandle socket, OsError error) override;
  void OnAccepted(io::NativeHandle socket, io::NativeHandle listener, const Address& local,
                  const Address& peer) override;
  io::ControlAnswer Control(const io::ControlRequest& request, io::ControlReply* reply) override;
  void CancelControl(void* ticket) override;

 private:
  void Note(const Event& event);
  // Completes, with kStatusCancelled, the pended requests that `matches`.
  void CancelWhere(const std::function<bool(const io::ControlRequest&)>& matches);

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Event> events_;
  std::vector<io::ControlRequest> pended_;
  Answer answer_;
  Decide decide_;
  int cancels_ = 0;
  bool obey_cancel_ = true;
};

}  // namespace sluice::contract

#endif  // SLUICE_TESTS_CONTRACT_FAKE_PLATFORM_H_

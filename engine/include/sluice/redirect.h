// SPDX-License-Identifier: Apache-2.0
//
// Redirect: where the connections of an engine go.
//
//   Redirect::To     one fixed upstream, no platform
//   Redirect::Wfp    where the kernel says that each was going (WFP connect redirection), with the
//                    records carried onto the onward socket. Behind it is the Windows kernel, or
//                    the emulated platform when RuntimeOptions::platform is a process of it
//   Redirect::Own    where the embedder says: a NAT table, a side channel of a driver of its own,
//   ...
#ifndef SLUICE_REDIRECT_H_
#define SLUICE_REDIRECT_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "sluice/address.h"
#include "sluice/codec.h"

namespace sluice {

// What OwnRedirect::Find fills in; the engine takes copies. Context and path together: at most
// 64 KiB.
struct FoundOrigin {
  Address destination;
  Address source;            // the application's end; empty: unknown
  std::uint32_t pid = 0;     // the application's process; 0: unknown
  std::string process_path;  // its program; empty: unknown
  std::string context;       // whatever the inspector shall see of it (OpenInfo::context)
};

// A redirect platform of the embedder's own. Find runs on workers, several at a time, once for each
// connection, before anything else is asked about it. It must not block: what takes its time
// belongs into Inspector::OnOpen, which may answer later and set the destination. It must not
// throw.
class OwnRedirect {
 public:
  virtual ~OwnRedirect() = default;
  // A connection from `client` was accepted on `local`, the address that it was made to. False: not
  // delivered by redirection; FlowPolicy::on_query_failure decides, as it does when the destination
  // has no address or no TCP port.
  virtual bool Find(const Address& client, const Address& local, FoundOrigin* origin) = 0;
};

struct WfpRedirectOptions {
  // Layouts of contexts, tried in this order, and then the three known ones unless they are not
  // wanted. A context that none of them knows is a failed query (`closed_bad_context`).
  std::vector<std::unique_ptr<ContextCodec>> codecs;
  bool standard_codecs = true;
  // Bytes of the first buffers; they grow up to 64 KiB when the platform says that they are too
  // small. 1..65536.
  std::uint32_t records_first = 4096;
  std::uint32_t context_first = 512;
  // Asked where a redirected connection without a context was going. Borrowed; outlives the engine.
  // Null: such a connection is a failed query.
  OwnRedirect* without_context = nullptr;
};

// A value that can be moved, and is used up by Engine::Create.
class Redirect {
 public:
  Redirect();  // nowhere: Engine::Create says so
  static Redirect To(const Address& upstream);
  static Redirect Wfp(WfpRedirectOptions options = WfpRedirectOptions());
  // Borrowed; outlives the engine.
  static Redirect Own(OwnRedirect* platform);

  ~Redirect();
  Redirect(Redirect&& other) noexcept;
  Redirect& operator=(Redirect&& other) noexcept;

 private:
  friend class Engine;
  struct Impl;
  explicit Redirect(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace sluice

#endif  // SLUICE_REDIRECT_H_

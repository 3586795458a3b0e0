// SPDX-License-Identifier: Apache-2.0
#if !defined(_WIN32)

#include <sys/utsname.h>
#include <unistd.h>

#include <fstream>

#include "absl/strings/str_cat.h"
#include "tools/sluice/doctor_os.h"

namespace sluice::tool {
namespace {

std::int64_t ReadNumber(const char* path) {
  std::ifstream file(path);
  std::int64_t value = -1;
  return file >> value ? value : -1;
}

}  // namespace

SystemFacts LookAtSystem() {
  SystemFacts facts;
  facts.platform = "linux";
  utsname name{};
  facts.system = uname(&name) == 0 ? absl::StrCat(name.sysname, " ", name.release) : "Linux";
  facts.elevated = geteuid() == 0;
  facts.identity = absl::StrCat("effective user ", geteuid());
  facts.backlog_limit = ReadNumber("/proc/sys/net/core/somaxconn");
  facts.io_uring_disabled = ReadNumber("/proc/sys/kernel/io_uring_disabled");
  return facts;
}

// WSAIoctl exists on Windows only.
std::vector<RawRow> ProbeRaw(ProbeDepth) { return {}; }

}  // namespace sluice::tool

#endif

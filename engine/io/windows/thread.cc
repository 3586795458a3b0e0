// SPDX-License-Identifier: Apache-2.0
#include "engine/io/thread.h"

#include <cstdint>
#include <string>

#include "engine/io/windows/errors.h"
#include "engine/io/windows/winsock.h"

namespace sluice::io {

// SetThreadDescription is there from Windows 10 1607 on, so it is asked for and not imported.
void NameThisThread(const std::string& name) {
  using SetDescription = HRESULT(WINAPI*)(HANDLE, PCWSTR);
  const HMODULE kernel = GetModuleHandleW(L"kernel32.dll");
  if (kernel == nullptr) return;
  const auto address = reinterpret_cast<void (*)()>(GetProcAddress(kernel, "SetThreadDescription"));
  if (address == nullptr) return;
  const std::wstring wide(name.begin(), name.end());
  reinterpret_cast<SetDescription>(address)(GetCurrentThread(), wide.c_str());
}

OsError PinThisThread(absl::Span<const int> processors) {
  constexpr int kGroup = static_cast<int>(8 * sizeof(DWORD_PTR));
  DWORD_PTR mask = 0;
  for (const int processor : processors) {
    if (processor < 0 || processor >= kGroup) return ErrorOfNumber(ERROR_INVALID_PARAMETER);
    mask |= DWORD_PTR{1} << processor;
  }
  if (SetThreadAffinityMask(GetCurrentThread(), mask) == 0) return ErrorOfNumber(GetLastError());
  return OsError{};
}

}  // namespace sluice::io

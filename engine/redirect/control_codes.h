// SPDX-License-Identifier: Apache-2.0
//
// The three control codes of connect redirection, and their two old names for datagrams.
//
// Values as in mstcpip.h. All three carry only the IN direction bit (top nibble 9) although the
// queries move data out, so nothing may derive a buffer's direction from the code. The values are
// written out and then proved from their parts, because at least one published library confuses two
// of them.
#ifndef SLUICE_REDIRECT_CONTROL_CODES_H_
#define SLUICE_REDIRECT_CONTROL_CODES_H_

#include <cstdint>

namespace sluice::redirect {

inline constexpr std::uint32_t kQueryRedirectRecords = 0x980000DC;
inline constexpr std::uint32_t kQueryRedirectContext = 0x980000DD;
inline constexpr std::uint32_t kSetRedirectRecords = 0x980000DE;

namespace internal {
inline constexpr std::uint32_t kDirectionIn = 0x80000000;
inline constexpr std::uint32_t kVendorClass = 0x18000000;
constexpr std::uint32_t VendorCode(std::uint32_t index) {
  return kDirectionIn | kVendorClass | index;
}
}  // namespace internal

static_assert(kQueryRedirectRecords == internal::VendorCode(220));
static_assert(kQueryRedirectContext == internal::VendorCode(221));
static_assert(kSetRedirectRecords == internal::VendorCode(222));
static_assert(kQueryRedirectRecords == 2550137052U);
static_assert(kQueryRedirectContext == 2550137053U);
static_assert(kSetRedirectRecords == 2550137054U);
static_assert(static_cast<std::int32_t>(kQueryRedirectRecords) == -1744830244);
static_assert(static_cast<std::int32_t>(kQueryRedirectContext) == -1744830243);
static_assert(static_cast<std::int32_t>(kSetRedirectRecords) == -1744830242);

// Ancillary data and socket options of datagram sockets; levels IPPROTO_IP (0) and IPPROTO_IPV6
// (41).
inline constexpr int kLevelIp = 0;
inline constexpr int kLevelIpv6 = 41;
inline constexpr int kOptionRedirectRecords = 60;
inline constexpr int kOptionRedirectContext = 70;
// Newer systems only: the original destination as a socket option.
inline constexpr int kOptionOriginalDestination = 0x300F;

// First buffers and their bound. One hop fits 1,024 bytes, two do not, packaged applications need
// more; 4 KiB is one pooled page. Contexts seen in the field are 16 to 512 bytes.
inline constexpr std::uint32_t kRecordsFirst = 4096;
inline constexpr std::uint32_t kContextFirst = 512;
inline constexpr std::uint32_t kReplyMax = 64 * 1024;

}  // namespace sluice::redirect

#endif  // SLUICE_REDIRECT_CONTROL_CODES_H_

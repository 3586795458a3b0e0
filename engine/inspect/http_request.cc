// SPDX-License-Identifier: Apache-2.0
#include "sluice/http_request.h"

#include <cstdint>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/strip.h"
#include "engine/memory/chain_reader.h"

namespace sluice {
namespace {

// A host, a port, brackets and a scheme.
using Authority = ShortText<300>;

// RFC 9110, 5.6.2.
bool IsTokenCharacter(char c) {
  return absl::ascii_isalnum(static_cast<unsigned char>(c)) ||
         absl::string_view("!#$%&'*+-.^_`|~").find(c) != absl::string_view::npos;
}

// One head. A step that fails leaves why in `reading_`, and every later one fails too.
class HeadReader {
 public:
  HeadReader(const Bytes& bytes, HttpRequest* request) : in_(bytes.chain()), request_(*request) {}

  Reading Read() {
    request_ = HttpRequest{};
    if (Head()) reading_ = Reading::kFound;
    return reading_;
  }

 private:
  bool Fail(Reading why) {
    reading_ = why;
    return false;
  }

  bool Next(char* c) {
    if (taken_ == HttpRequest::kBytesMax) return Fail(Reading::kTooLong);
    if (in_.left() == 0) return Fail(Reading::kMore);
    *c = static_cast<char>(in_.Next());
    ++taken_;
    return true;
  }
  // `c` was read and ends the line, or begins its end.
  bool EndOfLine(char c) {
    if (c == '\r' && !Next(&c)) return false;
    return c == '\n' || Fail(Reading::kMalformed);
  }

  bool Head() {
    if (!Method() || !Target() || !Version()) return false;
    for (bool more = true; more;) {
      if (!Line(&more)) return false;
    }
    const bool connects = request_.method.view() == "CONNECT";
    const absl::string_view in_target = AuthorityOf(target_.view(), connects);
    // What was cut off went on behind the authority, if not in it.
    const absl::string_view target = target_.view();
    const bool up_to_cut = in_target.data() + in_target.size() == target.data() + target.size();
    if (target_cut_ && !in_target.empty() && up_to_cut) return Fail(Reading::kTooLong);
    return Take(in_target.empty() ? host_.view() : in_target);
  }

  bool Method() {
    char c = 0;
    if (!Next(&c)) return false;
    // An empty line may come first (RFC 9112, 2.2).
    if (c == '\r' || c == '\n') {
      if (!EndOfLine(c)) return reading_ == Reading::kMore ? false : Fail(Reading::kOther);
      if (!Next(&c)) return false;
    }
    while (c != ' ') {
      if (!IsTokenCharacter(c) || !request_.method.Add(c)) return Fail(Reading::kOther);
      if (!Next(&c)) return false;
    }
    return !request_.method.empty() || Fail(Reading::kOther);
  }

  bool Target() {
    char c = 0;
    if (!Next(&c)) return false;
    while (c != ' ') {
      if ((c >= 0 && c < ' ') || c == 0x7F) return Fail(Reading::kOther);
      target_cut_ = !target_.Add(c) || target_cut_;
      if (!Next(&c)) return false;
    }
    return !target_.empty() || Fail(Reading::kOther);
  }

  bool Version() {
    char c = 0;
    for (const char wanted : absl::string_view("HTTP/1.")) {
      if (!Next(&c)) return false;
      if (c != wanted) return Fail(Reading::kOther);
    }
    if (!Next(&c)) return false;
    if (!absl::ascii_isdigit(static_cast<unsigned char>(c))) return Fail(Reading::kOther);
    return Next(&c) && EndOfLine(c);
  }

  // A field, or the end of the head.
  bool Line(bool* more) {
    char c = 0;
    if (!Next(&c)) return false;
    if (c == '\r' || c == '\n') {
      *more = false;
      return EndOfLine(c);
    }
    ShortText<4> name;
    std::size_t size = 0;
    for (; c != ':'; ++size) {
      if (!IsTokenCharacter(c)) return Fail(Reading::kMalformed);
      name.Add(c);
      if (!Next(&c)) return false;
    }
    if (size == 0) return Fail(Reading::kMalformed);
    return Value(size == 4 && absl::EqualsIgnoreCase(name.view(), "host"));
  }

  bool Value(bool is_host) {
    if (is_host && host_seen_) return Fail(Reading::kMalformed);
    host_seen_ = host_seen_ || is_host;
    for (char c = 0;;) {
      if (!Next(&c)) return false;
      if (c == '\r' || c == '\n') return EndOfLine(c);
      if ((c >= 0 && c < ' ' && c != '\t') || c == 0x7F) return Fail(Reading::kMalformed);
      if (is_host && !host_.Add(c)) return Fail(Reading::kTooLong);
    }
  }

  // What a target says about the host: all of CONNECT's, what is behind the scheme of a whole
  // address.
  static absl::string_view AuthorityOf(absl::string_view target, bool connects) {
    if (connects) return target;
    if (target.front() == '/' || target == "*") return "";
    const std::size_t scheme = target.find("://");
    if (scheme == absl::string_view::npos) return "";
    target.remove_prefix(scheme + 3);
    return target.substr(0, target.find_first_of("/?#"));
  }

  // `host[:port]`, `[v6][:port]`.
  bool Take(absl::string_view authority) {
    authority = absl::StripAsciiWhitespace(authority);
    if (authority.empty()) return true;
    absl::string_view host = authority;
    absl::string_view port;
    if (authority.front() == '[') {
      const std::size_t end = authority.find(']');
      if (end == absl::string_view::npos) return Fail(Reading::kMalformed);
      host = authority.substr(1, end - 1);
      port = authority.substr(end + 1);
      if (!port.empty() && !absl::ConsumePrefix(&port, ":")) return Fail(Reading::kMalformed);
      if (host.find_first_not_of("0123456789abcdefABCDEF:.") != absl::string_view::npos) {
        return Fail(Reading::kMalformed);
      }
    } else if (const std::size_t colon = authority.find(':'); colon != absl::string_view::npos) {
      host = authority.substr(0, colon);
      port = authority.substr(colon + 1);
    }
    return TakeHost(host) && TakePort(port);
  }

  bool TakeHost(absl::string_view host) {
    absl::ConsumeSuffix(&host, ".");
    if (host.empty()) return Fail(Reading::kMalformed);
    for (const char c : host) {
      // Also non-ASCII: a name on the wire is ASCII, and what prints it should not meet anything
      // else.
      const bool clean = c > ' ' && c < 0x7F &&
                         absl::string_view("/?#@\\[],<>\"").find(c) == absl::string_view::npos;
      if (!clean) return Fail(Reading::kMalformed);
      if (!request_.host.Add(absl::ascii_tolower(static_cast<unsigned char>(c)))) {
        return Fail(Reading::kTooLong);
      }
    }
    return true;
  }

  bool TakePort(absl::string_view port) {
    if (port.empty()) return true;
    std::uint32_t number = 0;
    for (const char c : port) {
      if (!absl::ascii_isdigit(static_cast<unsigned char>(c))) return Fail(Reading::kMalformed);
    }
    if (!absl::SimpleAtoi(port, &number) || number > 0xFFFF) return Fail(Reading::kMalformed);
    request_.port = static_cast<std::uint16_t>(number);
    return true;
  }

  memory::ChainReader in_;
  HttpRequest& request_;
  Reading reading_ = Reading::kMore;
  std::size_t taken_ = 0;
  Authority target_;  // its beginning
  Authority host_;
  bool target_cut_ = false;
  bool host_seen_ = false;
};

}  // namespace

Reading ReadHttpRequest(const Bytes& bytes, HttpRequest* request) {
  return HeadReader(bytes, request).Read();
}

}  // namespace sluice

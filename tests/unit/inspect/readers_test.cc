// SPDX-License-Identifier: Apache-2.0
//
// What readers make of first bytes: whole ones, each of their beginnings, any slicing, and what
// breaks their rules.
#include <algorithm>
#include <cstring>
#include <string>
#include <vector>

#include "absl/strings/escaping.h"
#include "engine/memory/chain.h"
#include "engine/memory/slab.h"
#include "gtest/gtest.h"
#include "sluice/client_hello.h"
#include "sluice/http_request.h"

namespace sluice::inspect {
namespace {

// Of OpenSSL 3, for Www.Example.org, offering h2 and http/1.1.
constexpr absl::string_view kOpenSslHello =
    "1603010200010001fc0303ab6c902ed17393513630a8b69ed4d3633e76a56a1b1b05c2de920201b8d32d8320faaf"
    "53178219134ba6f2286b6ecc3c0ab353fec85ef2566e59426afd5ba284940024130213031301c02cc030c02bc02f"
    "cca9cca8c024c028c023c027009f009e006b006700ff0100018f00000014001200000f5777772e4578616d706c65"
    "2e6f7267000b000403000102000a00160014001d0017001e0019001801000101010201030104002300000010000e"
    "000c02683208687474702f312e310016000000170000000d002a0028040305030603080708080809080a080b0804"
    "08050806040105010601030303010302040205020602002b00050403040303002d00020101003300260024001d00"
    "202ecaee5c2f8626e90742ea01869166d96e59fe11fe9ae4516a57c5ec8c8e0a0d001500cc000000000000000000"
    "00000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000"
    "00000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000"
    "00000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000"
    "00000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000"
    "0000000000000000000000";

// Chains of any slicing: each slice in a chunk of its own, so that none merge.
class ReaderTest : public ::testing::Test {
 protected:
  // Slices of `sizes`, again from the first; the rest in the last.
  memory::Chain ChainOf(absl::string_view bytes, const std::vector<std::size_t>& sizes) {
    memory::Chain chain(slab_);
    for (std::size_t i = 0; !bytes.empty(); ++i) {
      const std::size_t wanted = sizes.empty() ? kChunkBytes : sizes[i % sizes.size()];
      const std::size_t size = std::min({wanted, bytes.size(), kChunkBytes});
      memory::Slice chunk = slab_.Take();
      EXPECT_TRUE(chunk);
      std::memcpy(chunk.data(), bytes.data(), size);
      EXPECT_TRUE(chain.Append(chunk.Part(0, size)));
      bytes.remove_prefix(size);
    }
    return chain;
  }
  Reading Hello(absl::string_view bytes, const std::vector<std::size_t>& sizes = {}) {
    memory::Chain chain = ChainOf(bytes, sizes);
    return ReadClientHello(Bytes(chain), &hello_);
  }
  Reading Http(absl::string_view bytes, const std::vector<std::size_t>& sizes = {}) {
    memory::Chain chain = ChainOf(bytes, sizes);
    return ReadHttpRequest(Bytes(chain), &request_);
  }

  static constexpr std::size_t kChunkBytes = 1024;
  memory::Slab slab_{memory::SlabOptions{kChunkBytes, 1024}};
  ClientHello hello_;
  HttpRequest request_;
};

std::string OpenSslHello() { return absl::HexStringToBytes(kOpenSslHello); }

std::string Sized(int bytes, absl::string_view what) {
  std::string out;
  for (int i = bytes; i-- > 0;) out += static_cast<char>(what.size() >> (8 * i));
  return absl::StrCat(out, what);
}

std::string Record(absl::string_view handshake) {
  return absl::StrCat("\x16\x03\x01", Sized(2, handshake));
}

// A handshake message with these extensions, as they stand.
std::string Handshake(absl::string_view extensions) {
  const std::string body =
      absl::StrCat("\x03\x03", std::string(32, 'r'), Sized(1, "session"), Sized(2, "ciph"),
                   Sized(1, absl::string_view("\0", 1)), Sized(2, extensions));
  return absl::StrCat("\x01", Sized(3, body));
}

std::string ServerName(absl::string_view name) {
  const std::string list = absl::StrCat(absl::string_view("\0", 1), Sized(2, name));
  return absl::StrCat(absl::string_view("\0\0", 2), Sized(2, Sized(2, list)));
}

std::string Protocols(const std::vector<std::string>& names) {
  std::string list;
  for (const std::string& name : names) list += Sized(1, name);
  return absl::StrCat(absl::string_view("\0\x10", 2), Sized(2, Sized(2, list)));
}

TEST_F(ReaderTest, AHelloOfOpenSslInAnySlicing) {
  const std::string bytes = OpenSslHello();
  const std::vector<std::vector<std::size_t>> slicings = {{}, {1}, {2}, {5, 1}, {3, 7, 1}, {100}};
  for (const auto& slicing : slicings) {
    ASSERT_EQ(Hello(bytes, slicing), Reading::kFound);
    EXPECT_EQ(hello_.server_name.view(), "www.example.org");
    EXPECT_TRUE(hello_.Offers("h2"));
    EXPECT_TRUE(hello_.Offers("http/1.1"));
    EXPECT_FALSE(hello_.Offers("http/1.0"));
    EXPECT_FALSE(hello_.Offers("h"));
  }
  for (std::size_t cut = 1; cut < bytes.size(); ++cut) {
    ASSERT_EQ(Hello(bytes, {cut, bytes.size()}), Reading::kFound) << cut;
  }
}

TEST_F(ReaderTest, EachBeginningOfAHelloAsksForMore) {
  const std::string bytes = OpenSslHello();
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    ASSERT_EQ(Hello(bytes.substr(0, size)), Reading::kMore) << size;
  }
  EXPECT_EQ(Hello(bytes + "what follows"), Reading::kFound);
}

TEST_F(ReaderTest, AHelloMayComeInManyRecords) {
  const std::string handshake = OpenSslHello().substr(5);
  for (const std::size_t piece : {1u, 3u, 50u}) {
    std::string bytes;
    for (std::size_t i = 0; i < handshake.size(); i += piece) {
      bytes += Record(handshake.substr(i, piece));
    }
    EXPECT_EQ(Hello(bytes, {97}), Reading::kFound);
    EXPECT_EQ(hello_.server_name.view(), "www.example.org");
  }
}

TEST_F(ReaderTest, NamesAndProtocolsOfAHello) {
  EXPECT_EQ(Hello(Record(Handshake(""))), Reading::kFound);
  EXPECT_TRUE(hello_.server_name.empty());
  EXPECT_EQ(Hello(Record(Handshake(ServerName("a.b.")))), Reading::kFound);
  EXPECT_EQ(hello_.server_name.view(), "a.b");
  EXPECT_EQ(Hello(Record(Handshake(ServerName(std::string(255, 'a'))))), Reading::kFound);
  EXPECT_EQ(hello_.server_name.view(), std::string(255, 'a'));
  const std::string big(200, 'x');
  EXPECT_EQ(Hello(Record(Handshake(Protocols({"one", big, big, "two"})))), Reading::kFound);
  EXPECT_TRUE(hello_.protocols_cut);
  EXPECT_TRUE(hello_.Offers("one") && hello_.Offers(big) && hello_.Offers("two"));
}

TEST_F(ReaderTest, WhatIsNoHelloIsNotWaitedFor) {
  EXPECT_EQ(Hello("G"), Reading::kOther);
  EXPECT_EQ(Hello("\x16\x02"), Reading::kOther);
  EXPECT_EQ(Hello("SSH-2.0-x\r\n"), Reading::kOther);
  EXPECT_EQ(Hello(Record("\x02")), Reading::kOther) << "a server's hello";
}

TEST_F(ReaderTest, AHelloThatBreaksItsRulesIsMalformed) {
  EXPECT_EQ(Hello(Record(Handshake(ServerName("a") + ServerName("b")))), Reading::kMalformed);
  EXPECT_EQ(Hello(Record(Handshake(ServerName("")))), Reading::kMalformed);
  EXPECT_EQ(Hello(Record(Handshake(ServerName("a b")))), Reading::kMalformed);
  EXPECT_EQ(Hello(Record(Handshake(ServerName(".")))), Reading::kMalformed);
  EXPECT_EQ(Hello(Record(Handshake(ServerName(std::string(256, 'a'))))), Reading::kMalformed);
  EXPECT_EQ(Hello(Record(Handshake(Protocols({""})))), Reading::kMalformed);
  EXPECT_EQ(Hello(Record(Handshake(Protocols({"a"}) + Protocols({"b"})))), Reading::kMalformed);
  EXPECT_EQ(Hello(Record(Handshake("\x01"))), Reading::kMalformed) << "half an extension";
  EXPECT_EQ(Hello(Record(absl::string_view("\x01\0\0\x05 abcd", 9))), Reading::kMalformed);
  // Behind the first record something else.
  EXPECT_EQ(Hello(Record("\x01") + "GET "), Reading::kMalformed);
  EXPECT_EQ(Hello(Record(absl::string_view("\x01\x7f\xff\xff", 4))), Reading::kTooLong);
}

TEST_F(ReaderTest, ARequestInAnySlicing) {
  const std::string bytes =
      "GET /some/where?else HTTP/1.1\r\nAccept: */*\r\nHOST: \tWww.Example.org:8080 "
      "\r\nX-Y:\r\n\r\n";
  for (std::size_t cut = 1; cut < bytes.size(); ++cut) {
    ASSERT_EQ(Http(bytes, {cut, bytes.size()}), Reading::kFound) << cut;
    EXPECT_EQ(request_.method.view(), "GET");
    EXPECT_EQ(request_.host.view(), "www.example.org");
    EXPECT_EQ(request_.port, 8080);
  }
  ASSERT_EQ(Http(bytes, {1}), Reading::kFound);
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    ASSERT_EQ(Http(bytes.substr(0, size)), Reading::kMore) << size;
  }
  EXPECT_EQ(Http(bytes + "body"), Reading::kFound);
}

TEST_F(ReaderTest, HostsOfRequests) {
  struct Case {
    const char* head;
    const char* host;
    int port;
  };
  const Case cases[] = {
      {"GET / HTTP/1.0\r\n\r\n", "", 0},
      {"GET / HTTP/1.1\nHost: a\n\n", "a", 0},
      {"\r\nGET / HTTP/1.1\r\nHost: a.\r\n\r\n", "a", 0},
      {"OPTIONS * HTTP/1.1\r\nHost: a:\r\n\r\n", "a", 0},
      {"GET http://b:81/x HTTP/1.1\r\nHost: a\r\n\r\n", "b", 81},
      {"GET http://b?x HTTP/1.1\r\nHost: a\r\n\r\n", "b", 0},
      {"GET /?u=http://b/ HTTP/1.1\r\nHost: a\r\n\r\n", "a", 0},
      {"CONNECT c:443 HTTP/1.1\r\nHost: a\r\n\r\n", "c", 443},
      {"GET / HTTP/1.1\r\nHost: [2001:DB8::1]:82\r\n\r\n", "2001:db8::1", 82},
      {"GET / HTTP/1.1\r\nHost: [::1]\r\n\r\n", "::1", 0},
  };
  for (const Case& one : cases) {
    EXPECT_EQ(Http(one.head), Reading::kFound) << one.head;
    EXPECT_EQ(request_.host.view(), one.host) << one.head;
    EXPECT_EQ(request_.port, one.port) << one.head;
  }
}

TEST_F(ReaderTest, WhatIsNoRequestIsNotWaitedFor) {
  for (const char* bytes : {"\x16", "GET\t", "PRI * HTTP/2.0\r\n", "HELO a\r\n", " GET",
                            "GET / HTCPCP", "THIS-IS-NO-METHOD-BUT-A-VERY-LONG-WORD"}) {
    EXPECT_EQ(Http(bytes), Reading::kOther) << bytes;
  }
}

TEST_F(ReaderTest, WhatTwoReadersMayTakeForTwoHostsIsMalformed) {
  for (const char* fields :
       {"Host: a\r\nHost: a\r\n", "Host : a\r\n", " Host: a\r\n", "Host: a\r\n b\r\n",
        "Host: a b\r\n", "Host: a@b\r\n", "Host: a:80:80\r\n", "Host: a:99999\r\n",
        "Host: [::1\r\n", "Host: [::1]x\r\n", "Host: [g]\r\n", "Host: \xc3\xa4\r\n",
        "Host: a\rX: b\r\n", "Host: a\x01\r\n", ": a\r\n", "Host\r\n"}) {
    EXPECT_EQ(Http(absl::StrCat("GET / HTTP/1.1\r\n", fields, "\r\n")), Reading::kMalformed)
        << fields;
  }
}

TEST_F(ReaderTest, AHeadThatDoesNotEndIsTooLong) {
  const std::string head = "GET / HTTP/1.1\r\nX: ";
  const std::string longest(HttpRequest::kBytesMax - head.size() - 4, 'x');
  EXPECT_EQ(Http(head + longest + "\r\n\r\n"), Reading::kFound);
  EXPECT_EQ(Http(head + longest + "xxx"), Reading::kMore);
  EXPECT_EQ(Http(head + longest + "xxxx\r"), Reading::kTooLong);
  EXPECT_EQ(Http("GET / HTTP/1.1\r\nHost: " + std::string(400, 'a')), Reading::kTooLong);
  EXPECT_EQ(Http("GET http://" + std::string(400, 'a') + " HTTP/1.1\r\n\r\n"), Reading::kTooLong);
  // A port that is cut must not become another one.
  EXPECT_EQ(Http("GET http://b:" + std::string(300, '0') + "81/ HTTP/1.1\r\n\r\n"),
            Reading::kTooLong);
  EXPECT_EQ(Http("CONNECT b:" + std::string(300, '0') + "81 HTTP/1.1\r\n\r\n"), Reading::kTooLong);
  EXPECT_EQ(Http("GET http://b/" + std::string(400, 'b') + " HTTP/1.1\r\n\r\n"), Reading::kFound);
  EXPECT_EQ(Http("GET /" + std::string(4000, 'a') + " HTTP/1.1\r\nHost: a\r\n\r\n"),
            Reading::kFound);
}

}  // namespace
}  // namespace sluice::inspect

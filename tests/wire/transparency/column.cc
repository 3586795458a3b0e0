// SPDX-License-Identifier: Apache-2.0
#if !defined(_WIN32)

#include "tests/wire/transparency/column.h"

#include <csignal>
#include <fstream>
#include <thread>

#include "tests/wire/sockets.h"

namespace sluice::wire::transparency {
namespace {

std::string StartSluice(Column& column, const Launch& launch, std::vector<std::string> verb) {
  std::vector<std::string> words = launch.words;
  words.insert(words.end(), verb.begin(), verb.end());
  column.programs.push_back(std::make_unique<Program>(words));
  const std::string address = column.programs.back()->ListeningOn(Duration(60000));
  if (address.empty()) column.problem = column.programs.back()->err();
  return address;
}

// The loader and the libraries of a program that was unpacked and not installed.
std::vector<std::string> Unpacked(const std::string& peers, const std::string& program) {
  return {"env", "LD_LIBRARY_PATH=" + peers + "/usr/lib/x86_64-linux-gnu", peers + program};
}

bool AwaitListening(const std::string& address) {
  const TimePoint deadline = In(Duration(10000));
  while (std::chrono::steady_clock::now() < deadline) {
    if (Stream::Connect(address).open()) return true;
    std::this_thread::sleep_for(Duration(20));
  }
  return false;
}

void Write(const std::string& path, const std::string& text) { std::ofstream(path) << text; }

// An address of IPv6 on which nobody listens.
std::string UnusedV6() { return Listener(true).address(); }

Column PeerColumn(const std::string& name) {
  Column column;
  column.name = name;
  column.maker = name;
  column.way = Way{UnusedAddress(), UnusedV6()};
  return column;
}

void StartPeer(Column& column, const std::vector<std::string>& words) {
  const Way& way = column.way;
  column.programs.push_back(std::make_unique<Program>(words));
  if (!AwaitListening(way.v4) || !AwaitListening(way.v6)) {
    column.problem = column.programs.back()->err() + column.programs.back()->out();
  }
}

}  // namespace

Launch EnvironmentLaunch() { return Launch{Program::Sluice({}), UnderWine()}; }

Column SluiceColumn(const std::string& before, const Launch& launch, int hops,
                    const std::string& platform, Families families) {
  Column column;
  column.name = before + (hops == 1 ? " 1 hop" : " " + std::to_string(hops) + " hops");
  if (platform == "emulated") column.name += ", emulated";
  column.maker = "sluice";
  column.wine = launch.wine;
  const auto start = [&](const std::string& listen, const std::string& origin) {
    if (hops == 1) {
      return StartSluice(column, launch,
                         {"run", "--listen", listen, "--upstream", origin, "--platform", platform,
                          "--drain", "1s"});
    }
    return StartSluice(column, launch,
                       {"chain", "--listen", listen, "--destination", origin, "--platform",
                        platform, "--hops", std::to_string(hops), "--drain", "1s"});
  };
  if (families != Families::kV6) column.way.v4 = start("127.0.0.1:0", column.origins->v4.address());
  if (families != Families::kV4) column.way.v6 = start("[::1]:0", column.origins->v6.address());
  return column;
}

Column HaproxyColumn(const std::string& peers, const std::string& scratch) {
  Column column = PeerColumn("HAProxy");
  const Way& way = column.way;
  std::string text =
      "global\n  nbthread 2\n  maxconn 2000\n"
      "defaults\n  mode tcp\n  timeout connect 5s\n  timeout client 1h\n  timeout server 1h\n"
      "  timeout client-fin 60s\n  timeout server-fin 60s\n  no option redispatch\n"
      "  retries 0\n";
  const std::string ends[2][2] = {{way.v4, column.origins->v4.address()},
                                  {way.v6, column.origins->v6.address()}};
  for (int i = 0; i < 2; ++i) {
    text += "listen l" + std::to_string(i) + "\n  bind " + ends[i][0] + "\n  server s " +
            ends[i][1] + "\n";
  }
  const std::string path = scratch + "/haproxy.cfg";
  Write(path, text);
  std::vector<std::string> words = Unpacked(peers, "/usr/sbin/haproxy");
  for (const char* word : {"-db", "-f", path.c_str()}) words.push_back(word);
  StartPeer(column, words);
  return column;
}

Column NginxColumn(const std::string& peers, const std::string& scratch) {
  Column column = PeerColumn("nginx");
  const Way& way = column.way;
  std::string text = "load_module " + peers +
                     "/usr/lib/nginx/modules/ngx_stream_module.so;\n"
                     "worker_processes 2;\npid " +
                     scratch +
                     "/nginx.pid;\nerror_log stderr crit;\n"
                     "events { worker_connections 1000; }\nstream {\n";
  const std::string ends[2][2] = {{way.v4, column.origins->v4.address()},
                                  {way.v6, column.origins->v6.address()}};
  for (const auto& end : ends) {
    text += "  server { listen " + end[0] + "; proxy_pass " + end[1] +
            "; proxy_timeout 1h; proxy_connect_timeout 5s; proxy_half_close on; "
            "tcp_nodelay on; }\n";
  }
  const std::string path = scratch + "/nginx.conf";
  Write(path, text + "}\n");
  std::vector<std::string> words = Unpacked(peers, "/usr/sbin/nginx");
  for (const char* word :
       {"-e", "stderr", "-p", scratch.c_str(), "-g", "daemon off;", "-c", path.c_str()}) {
    words.push_back(word);
  }
  StartPeer(column, words);
  return column;
}

Column NamedColumn(const std::string& text, int tcp_port) {
  Column column;
  const std::size_t equals = text.find('=');
  column.name = text.substr(0, equals);
  column.maker = column.name;
  if (equals == std::string::npos) {
    column.problem = "'" + text + "' is not NAME=ADDRESS";
    return column;
  }
  column.origins = std::make_unique<Origins>(tcp_port);
  const std::string address = text.substr(equals + 1);
  (address[0] == '[' ? column.way.v6 : column.way.v4) = address;
  return column;
}

std::vector<std::vector<Seen>> PlayColumns(const Script& script,
                                           const std::vector<Column*>& columns, int times) {
  std::vector<std::vector<Seen>> plays(columns.size());
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < columns.size(); ++i) {
    threads.emplace_back([&, i] {
      Column& column = *columns[i];
      const std::string& address = column.way.Of(script);
      if (!column.problem.empty() || address.empty()) return;
      // Wine's wake-ups take their time.
      const Duration limit(column.wine ? 4000 : 3000);
      plays[i] = PlayOften(script, address, column.origins->Of(script), times, 1000, limit);
    });
  }
  for (std::thread& thread : threads) thread.join();
  return plays;
}

std::string Finish(Column& column) {
  std::string held;
  const bool ours = column.maker == "sluice";
  for (const auto& program : column.programs) program->Signal(ours ? SIGINT : SIGTERM);
  for (const auto& program : column.programs) {
    const int code = program->Wait(Duration(20000));
    if (!ours) continue;
    for (const char* what : {"flows", "sockets", "operations", "chunks", "buffers", "timers"}) {
      if (ValueOf(program->out(), "live:", what) != 0) held += std::string(what) + " ";
    }
    if (code != 0) held += "exit code " + std::to_string(code) + " " + program->err();
  }
  column.programs.clear();
  return held;
}

}  // namespace sluice::wire::transparency

#endif

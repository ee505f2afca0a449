// Long transfers over one bottleneck in ns-3, the same dumbbell as `fidelity/src/tcp/dumbbell.rs`.
//
// usage: dumbbell FLOWS LOSS SECONDS WARM_UP SEED shipped|flight
//
// `shipped` is ns-3's NewReno as it is. `flight` halves FlightSize after a loss, as RFC 5681 says:
// what was sent and not cumulatively acknowledged, but for what limited transmit has added. ns-3
// halves what it believes to be in the network, which is at least four segments less when a loss
// is found.
//
// Every setting that decides about throughput is set here, so that nothing hangs on a default.
// Prints one line: payload bytes delivered after the warm-up, payload bytes delivered in all, and
// the processor seconds of the run.

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <string>

#include "ns3/applications-module.h"
#include "ns3/core-module.h"
#include "ns3/internet-module.h"
#include "ns3/network-module.h"
#include "ns3/point-to-point-module.h"
#include "ns3/traffic-control-module.h"

using namespace ns3;

namespace {

constexpr uint16_t kPort = 5000;
constexpr uint32_t kPayload = 1460;

struct Run {
  uint32_t flows;
  double loss;
  double seconds;
  double warm_up;
  uint32_t seed;
  bool halves_flight;
};

// NewReno with the threshold of RFC 5681, equation 4.
class FlightNewReno : public TcpNewReno {
 public:
  static TypeId GetTypeId() {
    static TypeId id =
        TypeId("FlightNewReno").SetParent<TcpNewReno>().AddConstructor<FlightNewReno>();
    return id;
  }

  uint32_t GetSsThresh(Ptr<const TcpSocketState> state, uint32_t) override {
    const uint32_t sent = state->m_highTxMark.Get() - state->m_lastAckedSeq;
    const uint32_t flight = std::min(sent, state->m_cWnd.Get());
    return std::max(2 * state->m_segmentSize, flight / 2);
  }

  Ptr<TcpCongestionOps> Fork() override { return CopyObject<FlightNewReno>(this); }
};

// Profile `rfc` of netsim, in the words of ns-3.
void Configure(const Run& run) {
  RngSeedManager::SetSeed(1);
  RngSeedManager::SetRun(run.seed + 1);
  const TypeId control = run.halves_flight ? FlightNewReno::GetTypeId() : TcpNewReno::GetTypeId();
  Config::SetDefault("ns3::TcpL4Protocol::SocketType", TypeIdValue(control));
  Config::SetDefault("ns3::TcpL4Protocol::RecoveryType",
                     TypeIdValue(TcpClassicRecovery::GetTypeId()));
  Config::SetDefault("ns3::TcpSocket::SegmentSize", UintegerValue(kPayload));
  Config::SetDefault("ns3::TcpSocket::InitialCwnd", UintegerValue(10));
  Config::SetDefault("ns3::TcpSocket::DelAckCount", UintegerValue(2));
  Config::SetDefault("ns3::TcpSocket::DelAckTimeout", TimeValue(MilliSeconds(200)));
  Config::SetDefault("ns3::TcpSocket::SndBufSize", UintegerValue(4 << 20));
  Config::SetDefault("ns3::TcpSocket::RcvBufSize", UintegerValue(16 << 20));
  Config::SetDefault("ns3::TcpSocketBase::Sack", BooleanValue(true));
  Config::SetDefault("ns3::TcpSocketBase::Timestamp", BooleanValue(false));
  Config::SetDefault("ns3::TcpSocketBase::MinRto", TimeValue(Seconds(1)));
  Config::SetDefault("ns3::TcpSocketBase::ClockGranularity", TimeValue(MilliSeconds(1)));
}

PointToPointHelper Cable(const char* rate, const char* delay, const char* queue) {
  PointToPointHelper cable;
  cable.SetDeviceAttribute("DataRate", StringValue(rate));
  cable.SetChannelAttribute("Delay", StringValue(delay));
  cable.SetQueue("ns3::DropTailQueue<Packet>", "MaxSize", QueueSizeValue(QueueSize(queue)));
  return cable;
}

// Joins two nodes. Nothing but the device's own queue: no queueing discipline before it.
NetDeviceContainer Join(PointToPointHelper cable, Ptr<Node> one, Ptr<Node> other) {
  static Ipv4AddressHelper addresses("10.0.0.0", "255.255.255.252");
  NetDeviceContainer devices = cable.Install(one, other);
  addresses.Assign(devices);
  addresses.NewNetwork();
  TrafficControlHelper().Uninstall(devices);
  return devices;
}

Ipv4Address AddressOf(Ptr<Node> node) {
  return node->GetObject<Ipv4>()->GetAddress(1, 0).GetLocal();
}

void Lose(Ptr<NetDevice> receiver, double share) {
  Ptr<RateErrorModel> losses = CreateObject<RateErrorModel>();
  losses->SetUnit(RateErrorModel::ERROR_UNIT_PACKET);
  losses->SetRate(share);
  receiver->SetAttribute("ReceiveErrorModel", PointerValue(losses));
}

uint64_t Delivered(const ApplicationContainer& sinks) {
  uint64_t bytes = 0;
  for (uint32_t at = 0; at < sinks.GetN(); ++at) {
    bytes += DynamicCast<PacketSink>(sinks.Get(at))->GetTotalRx();
  }
  return bytes;
}

double ProcessorSeconds() {
  timespec time;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

}  // namespace

int main(int count, char** words) {
  if (count != 7) {
    std::fprintf(stderr, "usage: dumbbell FLOWS LOSS SECONDS WARM_UP SEED shipped|flight\n");
    return 2;
  }
  const Run run{static_cast<uint32_t>(std::atoi(words[1])), std::atof(words[2]), std::atof(words[3]),
                std::atof(words[4]), static_cast<uint32_t>(std::atoi(words[5])),
                std::string(words[6]) == "flight"};
  Configure(run);

  NodeContainer routers(2), senders(run.flows), receivers(run.flows);
  InternetStackHelper().Install(NodeContainer(routers, senders, receivers));
  const auto access = Cable("1Gbps", "1ms", "1000p");
  ApplicationContainer sinks;
  Ptr<UniformRandomVariable> start = CreateObject<UniformRandomVariable>();
  for (uint32_t flow = 0; flow < run.flows; ++flow) {
    Join(access, senders.Get(flow), routers.Get(0));
    Join(access, receivers.Get(flow), routers.Get(1));
    const InetSocketAddress to(AddressOf(receivers.Get(flow)), kPort);
    BulkSendHelper source("ns3::TcpSocketFactory", to);
    source.SetAttribute("SendSize", UintegerValue(10 * kPayload));
    source.Install(senders.Get(flow)).Start(Seconds(start->GetValue(0.0, 1.0)));
    sinks.Add(PacketSinkHelper("ns3::TcpSocketFactory", to).Install(receivers.Get(flow)));
  }
  Lose(Join(Cable("20Mbps", "20ms", "100p"), routers.Get(0), routers.Get(1)).Get(1), run.loss);
  Ipv4GlobalRoutingHelper::PopulateRoutingTables();

  uint64_t before = 0;
  Simulator::Schedule(Seconds(run.warm_up), [&] { before = Delivered(sinks); });
  Simulator::Stop(Seconds(run.warm_up + run.seconds));
  const double began = ProcessorSeconds();
  Simulator::Run();
  const double took = ProcessorSeconds() - began;
  const uint64_t all = Delivered(sinks);
  std::printf("%llu %llu %.6f\n", static_cast<unsigned long long>(all - before),
              static_cast<unsigned long long>(all), took);
  Simulator::Destroy();
  return 0;
}

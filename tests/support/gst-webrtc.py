"""WHIP and WHEP by GStreamer's webrtcbin.

  gst-webrtc.py whip URL h264|vp8      publishes a test picture and noise until SIGINT
  gst-webrtc.py whep URL h264|vp8 N    plays until it has N pictures and a second of sound

At its end it prints one line of JSON: md5 of every picture and of every Opus packet as they are coded, in their order; of H.264 without
parameter sets and delimiters.
"""
import hashlib
import json
import signal
import sys
import urllib.request

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstSdp", "1.0")
gi.require_version("GstWebRTC", "1.0")
from gi.repository import GLib, Gst, GstSdp, GstWebRTC  # noqa: E402

Gst.init(None)
role, url, codec = sys.argv[1:4]
wanted = int(sys.argv[4]) if len(sys.argv) > 4 else 0
# Packets of Opus have 20 ms.
wanted_sounds = 50

RTP = {
    "h264": "application/x-rtp,media=video,encoding-name=H264,clock-rate=90000,payload=96,"
    "packetization-mode=(string)1,profile-level-id=(string)42e01f",
    "vp8": "application/x-rtp,media=video,encoding-name=VP8,clock-rate=90000,payload=96",
    "opus": "application/x-rtp,media=audio,encoding-name=OPUS,encoding-params=(string)2,clock-rate=48000,payload=97",
}
PICTURES = {
    # One slice a picture: its payloader puts parameter sets before each slice of a key frame, and its own depayloader then sees as many pictures.
    "h264": "x264enc tune=zerolatency sliced-threads=false speed-preset=veryfast bitrate=1000 key-int-max=30 byte-stream=true "
    "! video/x-h264,profile=constrained-baseline,stream-format=byte-stream,alignment=au "
    "! identity name=pictures ! h264parse ! rtph264pay config-interval=-1 aggregate-mode=zero-latency mtu=1200 pt=96",
    "vp8": "vp8enc deadline=1 cpu-used=8 keyframe-max-dist=30 target-bitrate=1000000 ! identity name=pictures ! rtpvp8pay mtu=1200 pt=96",
}
READERS = {
    "H264": "rtph264depay ! video/x-h264,stream-format=byte-stream,alignment=au",
    "VP8": "rtpvp8depay",
    "OPUS": "rtpopusdepay",
}

report = {"pictures": [], "sounds": []}
loop = GLib.MainLoop()


def sum_of(data, name):
    if name != "h264":
        return hashlib.md5(data).hexdigest()
    total = hashlib.md5()
    for nal in data.split(b"\0\0\1")[1:]:
        nal = nal.rstrip(b"\0")
        if nal and not 7 <= nal[0] & 0x1F <= 9:
            total.update(b"\0\0\1" + nal)
    return total.hexdigest()


def note(_pad, info, where):
    kind, name = where
    buffer = info.get_buffer()
    report[kind].append(sum_of(buffer.extract_dup(0, buffer.get_size()), name))
    if wanted and len(report["pictures"]) >= wanted and len(report["sounds"]) >= wanted_sounds:
        GLib.idle_add(loop.quit)
    return Gst.PadProbeReturn.OK


def fail(what):
    print(what, file=sys.stderr, flush=True)
    sys.exit(1)


def post(offer):
    request = urllib.request.Request(url, offer.encode(), {"Content-Type": "application/sdp"})
    try:
        with urllib.request.urlopen(request) as response:
            return response.read().decode()
    except urllib.error.HTTPError as error:
        fail(f"{error.code} {error.read().decode()}")


def on_gathered(bin, _spec):
    if bin.get_property("ice-gathering-state") != GstWebRTC.WebRTCICEGatheringState.COMPLETE:
        return
    text = post(bin.get_property("local-description").sdp.as_text())
    _, message = GstSdp.SDPMessage.new_from_text(text)
    answer = GstWebRTC.WebRTCSessionDescription.new(GstWebRTC.WebRTCSDPType.ANSWER, message)
    bin.emit("set-remote-description", answer, Gst.Promise.new())
    # It doesn't look for them in the answer (1.22).
    for line in text.split("m=", 2)[1].splitlines():
        if line.startswith("a=candidate:"):
            bin.emit("add-ice-candidate", 0, line[2:])


def on_offer(promise, bin):
    # The offer lives no longer than the reply.
    reply = promise.get_reply()
    offer = reply.get_value("offer")
    bin.emit("set-local-description", offer, Gst.Promise.new())


def offer(bin):
    bin.emit("create-offer", None, Gst.Promise.new_with_change_func(on_offer, bin))


def on_pad(_bin, pad, pipeline):
    if pad.get_direction() != Gst.PadDirection.SRC:
        return
    name = pad.get_current_caps().get_structure(0).get_string("encoding-name").upper()
    reader = Gst.parse_bin_from_description(f"queue ! {READERS[name]} ! fakesink name=end sync=false", True)
    where = ("sounds", "opus") if name == "OPUS" else ("pictures", name.lower())
    reader.get_by_name("end").get_static_pad("sink").add_probe(Gst.PadProbeType.BUFFER, note, where)
    pipeline.add(reader)
    reader.sync_state_with_parent()
    pad.link(reader.get_static_pad("sink"))


def on_message(_bus, message):
    if message.type == Gst.MessageType.ERROR:
        fail(str(message.parse_error()))


if role == "whip":
    pipeline = Gst.parse_launch(
        "webrtcbin name=peer bundle-policy=max-bundle "
        "videotestsrc is-live=true pattern=ball ! video/x-raw,width=640,height=360,framerate=30/1,format=I420 "
        f"! {PICTURES[codec]} ! queue ! peer. "
        "audiotestsrc is-live=true wave=pink-noise samplesperbuffer=960 ! audio/x-raw,rate=48000,channels=2 ! opusenc "
        "! identity name=sounds ! rtpopuspay pt=97 ! queue ! peer."
    )
    for kind, name in (("pictures", codec), ("sounds", "opus")):
        pipeline.get_by_name(kind).get_static_pad("src").add_probe(Gst.PadProbeType.BUFFER, note, (kind, name))
    peer = pipeline.get_by_name("peer")
    for index in range(2):
        transceiver = peer.emit("get-transceiver", index)
        transceiver.set_property("direction", GstWebRTC.WebRTCRTPTransceiverDirection.SENDONLY)
        transceiver.set_property("do-nack", True)
else:
    # A single element would come without a pipeline. While the server brings sound and picture together (a twentieth faster or slower),
    # the jitter buffer drops a packet each time that it has been led off by its latency.
    pipeline = Gst.parse_launch("webrtcbin name=peer bundle-policy=max-bundle latency=500 fakesrc num-buffers=0 ! fakesink async=false")
    peer = pipeline.get_by_name("peer")
    peer.connect("pad-added", on_pad, pipeline)
    for name in (codec, "opus"):
        transceiver = peer.emit(
            "add-transceiver", GstWebRTC.WebRTCRTPTransceiverDirection.RECVONLY, Gst.Caps.from_string(RTP[name])
        )
        transceiver.set_property("do-nack", True)

peer.connect("notify::ice-gathering-state", on_gathered)
peer.connect("on-negotiation-needed", offer)
bus = pipeline.get_bus()
bus.add_signal_watch()
bus.connect("message", on_message)
GLib.unix_signal_add(GLib.PRIORITY_HIGH, signal.SIGINT, loop.quit)
pipeline.set_state(Gst.State.PLAYING)
loop.run()
print(json.dumps(report), flush=True)
pipeline.set_state(Gst.State.NULL)

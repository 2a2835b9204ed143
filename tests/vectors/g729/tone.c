/*
 * Makes tone.json: half a second of silence and two seconds of a tone of 1000 Hz at -15 dB, coded by bcg729 (G.729 annex A) in frames
 * of 10 ms, and what bcg729's own decoder makes of it: pitch and level from 1 s to 2.4 s, and where the tone begins.
 *
 *   gcc tone.c -o tone -lbcg729 -lm && ./tone > tone.json        (Debian: libbcg729-dev 1.1.1)
 */
#include <bcg729/decoder.h>
#include <bcg729/encoder.h>
#include <math.h>
#include <stdio.h>

#define FRAME 80
#define FRAMES 250

int main(void) {
  static double decoded[FRAME * FRAMES];
  bcg729EncoderChannelContextStruct *encoder = initBcg729EncoderChannel(0);
  bcg729DecoderChannelContextStruct *decoder = initBcg729DecoderChannel();
  printf("{\n\"origin\": \"bcg729 1.1.1 by tone.c\",\n\"frames\": \"");
  for (int frame = 0; frame < FRAMES; frame += 1) {
    int16_t in[FRAME], out[FRAME];
    uint8_t bytes[10], length = 0;
    for (int at = 0; at < FRAME; at += 1) {
      int n = frame * FRAME + at;
      in[at] = n < 4000 ? 0 : (int16_t)lrint(32767 * pow(10, -15 / 20.0) * sqrt(2) * sin(2 * M_PI * 1000 * n / 8000.0));
    }
    bcg729Encoder(encoder, in, bytes, &length);
    for (int at = 0; at < length; at += 1) printf("%02x", bytes[at]);
    bcg729Decoder(decoder, bytes, length, 0, 0, 0, out);
    for (int at = 0; at < FRAME; at += 1) decoded[frame * FRAME + at] = out[at] / 32768.0;
  }
  int first = 0, crossings = 0;
  double power = 0, from = 0, to = 0;
  while (fabs(decoded[first]) < 0.04) first += 1;
  for (int n = 8000; n < 19200; n += 1) {
    power += decoded[n] * decoded[n];
    if (decoded[n - 1] < 0 && decoded[n] >= 0) {
      to = n - 1 + decoded[n - 1] / (decoded[n - 1] - decoded[n]);
      if (crossings == 0) from = to;
      crossings += 1;
    }
  }
  printf("\",\n\"frequency\": %.2f,\n\"decibels\": %.2f,\n\"beginsAt\": %.4f\n}\n", (crossings - 1) * 8000 / (to - from),
         10 * log10(power / 11200), first / 8000.0);
  return 0;
}

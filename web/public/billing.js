// Says which way the customer came back. What was paid is told by Stripe's signed event alone.
const outcome = new URLSearchParams(location.search).get("topup");
const words = {
  success: ["Thank you", "Your payment went through. The credits arrive as soon as it is confirmed, usually within seconds."],
  cancelled: ["Nothing was charged", "You left the payment page before paying. You can start again at any time."],
}[outcome];
if (words) {
  document.getElementById("title").textContent = words[0];
  document.getElementById("text").textContent = words[1];
}

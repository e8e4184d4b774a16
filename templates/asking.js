"use strict";
start(async (question) => {
  try {
    const answer = await fetch("answer", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(question),
    });
    if (!answer.ok) throw new Error(await answer.text());
    return await answer.json();
  } catch (error) {
    return { ok: false, error: { message: `the server gives no answer: ${error.message}`, remedy: "" } };
  }
});
